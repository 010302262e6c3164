//! Signing messages: <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::config::Secret;
use crate::random::Random;

/// What the text form of a secret begins with.
const PREFIX: &str = "whsec_";
/// The scheme allows 24 to 64.
const SECRET_BYTES: usize = 32;

/// Draws a secret, in its text form.
#[must_use]
pub fn new_secret(random: &Random) -> Secret {
    let mut bytes = [0; SECRET_BYTES];
    random.fill(&mut bytes);
    Secret::new(format!("{PREFIX}{}", STANDARD.encode(bytes)))
}

/// The header `webhook-signature`: a signature by each of the secrets, in its text form. What is no secret signs nothing.
#[must_use]
pub fn sign(secrets: &[Secret], message_id: &str, timestamp_seconds: i64, body: &str) -> String {
    let signed = format!("{message_id}.{timestamp_seconds}.{body}");
    let signatures: Vec<String> =
        secrets.iter().filter_map(|secret| signature(secret.expose(), signed.as_bytes())).collect();
    signatures.join(" ")
}

fn signature(secret: &str, signed: &[u8]) -> Option<String> {
    let key = STANDARD.decode(secret.strip_prefix(PREFIX).unwrap_or(secret)).ok()?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
    mac.update(signed);
    Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the scheme's reference implementations.
    #[test]
    fn the_official_vector_is_signed_alike() {
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let signed = sign(
            std::slice::from_ref(&secret),
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            r#"{"test": 2432232314}"#,
        );
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let without_prefix = Secret::new("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let both =
            sign(&[secret, without_prefix], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(both, format!("{signed} {signed}"), "one after the other while a secret is being replaced");
    }

    #[test]
    fn secrets_are_long_and_never_the_same() {
        let random = Random::from_seed(1);
        let [one, two] = [new_secret(&random), new_secret(&random)];
        assert_ne!(one.expose(), two.expose());
        let bytes = STANDARD.decode(one.expose().strip_prefix("whsec_").unwrap()).unwrap();
        assert_eq!(bytes.len(), SECRET_BYTES);
        assert!(!format!("{one:?}").contains("whsec"));
    }
}
