//! As whom a server is spoken to: a user with a password, or a token, out of its URL.
//!
//! The client reads them out of URLs and does not use them, so they are handed to it here.

use async_nats::{ConnectOptions, ServerAddr};
use percent_encoding::percent_decode_str;

/// What a URL says of the login.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Login {
    /// Nothing: a server that knows everybody.
    Nobody,
    /// `nats://token@host`.
    Token(String),
    /// `nats://user:password@host`.
    User { name: String, password: String },
}

impl Login {
    /// Of one server. `None`: what stands there is no UTF-8.
    fn of(server: &ServerAddr) -> Option<Self> {
        let plain = |text: &str| Some(percent_decode_str(text).decode_utf8().ok()?.into_owned());
        Some(match (server.username(), server.password()) {
            (None, None) => Self::Nobody,
            (Some(token), None) => Self::Token(plain(token)?),
            (name, Some(password)) => {
                Self::User { name: plain(name.unwrap_or_default())?, password: plain(password)? }
            }
        })
    }

    /// Of all servers of a cluster, which know the same users: those of its URLs that name one
    /// name the same one. Errors: the reason, without what is secret.
    pub(crate) fn of_all(servers: &[ServerAddr]) -> Result<Self, &'static str> {
        let mut login = Self::Nobody;
        for server in servers {
            let of_this = Self::of(server).ok_or("a user, password or token is no UTF-8")?;
            if of_this != Self::Nobody && login != Self::Nobody && of_this != login {
                return Err("names different users; all servers must know the same one");
            }
            if of_this != Self::Nobody {
                login = of_this;
            }
        }
        Ok(login)
    }

    pub(crate) fn apply(self, options: ConnectOptions) -> ConnectOptions {
        match self {
            Self::Nobody => options,
            Self::Token(token) => options.token(token),
            Self::User { name, password } => options.user_and_password(name, password),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(urls: &[&str]) -> Result<Login, &'static str> {
        let servers: Vec<ServerAddr> = urls.iter().map(|url| url.parse().unwrap()).collect();
        Login::of_all(&servers)
    }

    fn user(name: &str, password: &str) -> Result<Login, &'static str> {
        Ok(Login::User { name: name.into(), password: password.into() })
    }

    #[test]
    fn urls_say_who_it_is() {
        for (urls, expected) in [
            (&["nats://h"][..], Ok(Login::Nobody)),
            (&["nats://s3cret@h"], Ok(Login::Token("s3cret".into()))),
            (&["nats://a:b@h:4222"], user("a", "b")),
            (&["tls://a:p%40ss%2Fw%C3%B6rd@h"], user("a", "p@ss/w\u{f6}rd")),
            (&["nats://:b@h"], user("", "b")),
            (&["nats://a:b@h", "nats://a:b@i"], user("a", "b")),
            (&["nats://h", "nats://a:b@i", "nats://j"], user("a", "b")),
        ] {
            assert!(login(urls) == expected, "{urls:?}");
        }
        for (urls, named) in [
            (&["nats://a:b@h", "nats://c:d@i"][..], "different users"),
            (&["nats://a:b@h", "nats://a@i"], "different users"),
            (&["nats://a:%FF@h"], "no UTF-8"),
        ] {
            assert!(login(urls).is_err_and(|why| why.contains(named)), "{urls:?}");
        }
    }
}
