//! Sealed values: small things that we hand out and later believe, because we signed them.
//!
//! `base64url(JSON) . base64url(HMAC-SHA256)`, the purpose inside the MAC, so that a ticket is no
//! session and a cursor no code. Readable by who holds it: nothing secret goes in. Not JWTs: there
//! is no header to lie in.

use aws_lc_rs::hmac;
use data_encoding::BASE64URL_NOPAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What a sealed value is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A browser session's cookie.
    Session,
    /// The CSRF token of a session.
    Csrf,
    /// A stream ticket.
    Ticket,
    /// A page cursor.
    Cursor,
    /// An authorization code.
    Code,
    /// A refresh token.
    Refresh,
}

impl Purpose {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::Session => b"session.1\0",
            Self::Csrf => b"csrf.1\0",
            Self::Ticket => b"ticket.1\0",
            Self::Cursor => b"cursor.1\0",
            Self::Code => b"code.1\0",
            Self::Refresh => b"refresh.1\0",
        }
    }
}

/// Signs and checks sealed values.
#[derive(Clone)]
pub struct Sealer(hmac::Key);

impl Sealer {
    /// A sealer with a secret of 32 bytes.
    #[must_use]
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// Seals a value.
    #[must_use]
    pub fn seal<T: Serialize>(&self, purpose: Purpose, value: &T) -> String {
        let body = serde_json::to_vec(value).expect("sealed values are plain data");
        let mac = self.mac(purpose, &body);
        let mut text = BASE64URL_NOPAD.encode(&body);
        text.push('.');
        BASE64URL_NOPAD.encode_append(mac.as_ref(), &mut text);
        text
    }

    /// Opens a sealed value; `None`: not ours, for another purpose, or of another form.
    #[must_use]
    pub fn open<T: DeserializeOwned>(&self, purpose: Purpose, text: &str) -> Option<T> {
        let (body, mac) = text.split_once('.')?;
        let body = BASE64URL_NOPAD.decode(body.as_bytes()).ok()?;
        let mac = BASE64URL_NOPAD.decode(mac.as_bytes()).ok()?;
        let mut signed = purpose.label().to_vec();
        signed.extend_from_slice(&body);
        hmac::verify(&self.0, &signed, &mac).ok()?;
        serde_json::from_slice(&body).ok()
    }

    /// A bare MAC as text: for a value that the other side need not read.
    #[must_use]
    pub fn tag(&self, purpose: Purpose, value: &[u8]) -> String {
        BASE64URL_NOPAD.encode(self.mac(purpose, value).as_ref())
    }

    /// Whether `tag` is the MAC of `value`, in constant time.
    #[must_use]
    pub fn is_tag(&self, purpose: Purpose, value: &[u8], tag: &str) -> bool {
        let Ok(mac) = BASE64URL_NOPAD.decode(tag.as_bytes()) else { return false };
        let mut signed = purpose.label().to_vec();
        signed.extend_from_slice(value);
        hmac::verify(&self.0, &signed, &mac).is_ok()
    }

    fn mac(&self, purpose: Purpose, value: &[u8]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(purpose.label());
        context.update(value);
        context.sign()
    }
}
