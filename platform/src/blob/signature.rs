//! Signed addresses of the folder: whoever has one may do what it says, until it expires.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use hmac::{Hmac, Mac};
use serde::Deserialize;
use sha2::Sha256;
use url::form_urlencoded::Serializer;

use super::{BlobKey, BlobMethod};
use crate::config::Secret;

/// What the key is derived for: it signs nothing but addresses of blobs.
const LABEL: &[u8] = b"glassbox addresses of blobs 1";

/// What a signed address permits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permit {
    /// Upload or download.
    pub method: BlobMethod,
    /// Of which blob.
    pub key: BlobKey,
    /// Until when.
    pub expires_at: DateTime<Utc>,
    /// Its media type.
    pub content_type: String,
    /// How many bytes are uploaded, if that is known.
    pub size: Option<u64>,
    /// What a browser calls it that downloads it.
    pub filename: Option<String>,
}

/// The query of a signed address. Of itself it proves nothing.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SignedQuery {
    expires: i64,
    content_type: String,
    size: Option<u64>,
    filename: Option<String>,
    signature: String,
}

/// Why a signed address is not honoured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotPermitted {
    /// This server did not sign it, or not for this.
    #[error("the signature is wrong")]
    Forged,
    /// It held, but does no longer.
    #[error("the address has expired")]
    Expired,
}

/// Signs addresses, and knows them again.
#[derive(Clone)]
pub(super) struct Signer(Hmac<Sha256>);

impl Signer {
    /// Signs by a key that follows from the server's secret and tells nothing of it.
    pub(super) fn new(secret: &Secret) -> Self {
        let mut derived = keyed(secret.expose().as_bytes());
        derived.update(LABEL);
        Self(keyed(&derived.finalize().into_bytes()))
    }

    /// The query of the address that gives a permit.
    pub(super) fn query(&self, permit: &Permit) -> String {
        let mut query = Serializer::new(String::new());
        query.append_pair("expires", &permit.expires_at.timestamp().to_string());
        query.append_pair("contentType", &permit.content_type);
        if let Some(size) = permit.size {
            query.append_pair("size", &size.to_string());
        }
        if let Some(filename) = &permit.filename {
            query.append_pair("filename", filename);
        }
        let signature = self.mac(permit).finalize().into_bytes();
        query.append_pair("signature", &URL_SAFE_NO_PAD.encode(signature));
        query.finish()
    }

    /// What an address permits now.
    pub(super) fn permit(
        &self,
        method: BlobMethod,
        key: BlobKey,
        query: SignedQuery,
        now: DateTime<Utc>,
    ) -> Result<Permit, NotPermitted> {
        let SignedQuery { expires, content_type, size, filename, signature } = query;
        let expires_at = DateTime::from_timestamp(expires, 0).ok_or(NotPermitted::Forged)?;
        let permit = Permit { method, key, expires_at, content_type, size, filename };
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| NotPermitted::Forged)?;
        // In constant time.
        self.mac(&permit).verify_slice(&signature).map_err(|_| NotPermitted::Forged)?;
        if expires_at <= now { Err(NotPermitted::Expired) } else { Ok(permit) }
    }

    fn mac(&self, permit: &Permit) -> Hmac<Sha256> {
        let Permit { method, key, expires_at, content_type, size, filename } = permit;
        // As JSON, so that no part can pass for a piece of another one.
        let expires = expires_at.timestamp();
        let signed = serde_json::json!([method.as_str(), key.as_str(), expires, content_type, size, filename]);
        let mut mac = self.0.clone();
        mac.update(signed.to_string().as_bytes());
        mac
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Signer")
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("a key of HMAC may have any length")
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn key(text: &str) -> BlobKey {
        BlobKey::stored(text.to_owned()).unwrap()
    }

    fn permit() -> Permit {
        Permit {
            method: BlobMethod::Put,
            key: key("uploads/a"),
            expires_at: at(1_000),
            content_type: "text/plain; charset=utf-8".to_owned(),
            size: Some(3),
            filename: Some("a&b=ü.txt".to_owned()),
        }
    }

    fn read(query: &str) -> SignedQuery {
        let pairs = url::form_urlencoded::parse(query.as_bytes()).into_owned();
        let values: std::collections::HashMap<String, String> = pairs.collect();
        SignedQuery {
            expires: values["expires"].parse().unwrap(),
            content_type: values["contentType"].clone(),
            size: values.get("size").map(|size| size.parse().unwrap()),
            filename: values.get("filename").cloned(),
            signature: values["signature"].clone(),
        }
    }

    #[test]
    fn an_address_permits_what_was_signed_until_it_expires() {
        let signer = Signer::new(&Secret::new("a secret"));
        let query = read(&signer.query(&permit()));
        let known = |now| signer.permit(BlobMethod::Put, key("uploads/a"), query.clone(), now);
        assert_eq!(known(at(999)), Ok(permit()));
        assert_eq!(known(at(1_000)), Err(NotPermitted::Expired));
    }

    #[test]
    fn nothing_of_it_can_be_changed() {
        let signer = Signer::new(&Secret::new("a secret"));
        let query = read(&signer.query(&permit()));
        let forged = |method, key, query| {
            assert_eq!(signer.permit(method, key, query, at(1)), Err(NotPermitted::Forged));
        };
        forged(BlobMethod::Get, key("uploads/a"), query.clone());
        forged(BlobMethod::Put, key("uploads/b"), query.clone());
        let put = |query| forged(BlobMethod::Put, key("uploads/a"), query);
        put(SignedQuery { expires: 1_001, ..query.clone() });
        put(SignedQuery { expires: i64::MAX, ..query.clone() });
        put(SignedQuery { content_type: "text/plain".to_owned(), ..query.clone() });
        put(SignedQuery { size: None, ..query.clone() });
        put(SignedQuery { size: Some(4), ..query.clone() });
        put(SignedQuery { filename: None, ..query.clone() });
        put(SignedQuery { signature: String::new(), ..query.clone() });
        put(SignedQuery { signature: "?".to_owned(), ..query.clone() });
        let other = Signer::new(&Secret::new("another secret"));
        let now = at(1_000) - TimeDelta::seconds(1);
        assert_eq!(other.permit(BlobMethod::Put, key("uploads/a"), query, now), Err(NotPermitted::Forged));
    }
}
