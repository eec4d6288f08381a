//! Who may: staff with a scope, and the ways that commands come by.

use entity::{Context, PrincipalKind, Scope, Source};

/// Whether the principal is staff with `scope` (or the runtime itself).
pub(crate) const fn is_staff(ctx: &Context<'_>, scope: Scope) -> bool {
    let system = matches!(ctx.principal.kind, PrincipalKind::System);
    (ctx.principal.is_staff() || system) && ctx.principal.scopes.has(scope)
}

/// Whether a caller gave the command, and is staff with `scope`.
pub(crate) const fn by_staff(ctx: &Context<'_>, scope: Scope) -> bool {
    match ctx.source {
        Source::Caller => is_staff(ctx, scope),
        Source::Entity(_) | Source::Timer => false,
    }
}
