//! Tokens of an OpenID Connect issuer.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use super::issuer::{EC, Issuer, RSA, SMALL_RSA, SigningKey};
use super::*;
use crate::clock::Clock;

fn door_to(issuer: &Issuer) -> Door {
    Door::new(Mode::Production, SECRET, Some(config(issuer)))
}

fn config(issuer: &Issuer) -> OidcConfig {
    let (issuer, audience) = (issuer.url.clone(), AUDIENCE.to_owned());
    OidcConfig { issuer, audience, jwks_url: None, jwks_max_age_seconds: 3600 }
}

fn claims(door: &Door, issuer: &Issuer) -> Value {
    let now = door.clock.now().timestamp();
    json!({ "iss": issuer.url, "sub": "subject-1", "aud": AUDIENCE, "exp": now + 600, "name": "Ada" })
}

fn with(claims: &Value, name: &str, value: impl Into<Value>) -> Value {
    let mut claims = claims.clone();
    claims[name] = value.into();
    claims
}

fn without(claims: &Value, name: &str) -> Value {
    let mut claims = claims.clone();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

#[tokio::test]
async fn tokens_signed_with_the_issuers_rsa_or_ec_key_are_accepted() {
    let issuer = Issuer::start(&[RSA.published("r"), EC.published("e")]).await;
    let door = door_to(&issuer);
    let claims = claims(&door, &issuer);
    for token in [RSA.sign("r", &claims), EC.sign("e", &claims)] {
        let authenticated = door.access(&token).await.unwrap();
        assert_eq!((authenticated.subject.as_str(), authenticated.principal.name.as_str()), ("subject-1", "Ada"));
        assert_eq!((authenticated.expires_at - door.clock.now()).num_seconds(), 660);
        assert_eq!(door.socket(&token).await.unwrap(), authenticated);
    }
    assert_eq!(issuer.key_requests(), 1, "keys are kept");
}

#[tokio::test]
async fn the_directory_is_asked_with_what_the_issuer_vouches_for() {
    let issuer = Issuer::start(&[EC.published("e")]).await;
    let door = door_to(&issuer);
    let claims = with(&claims(&door, &issuer), "email", "ada@example.com");
    for (verified, email) in [
        (json!(true), Some("ada@example.com".to_owned())),
        (json!("true"), Some("ada@example.com".to_owned())),
        (json!(false), None),
        (json!("false"), None),
        (json!(null), None),
    ] {
        door.access(&EC.sign("e", &with(&claims, "email_verified", verified))).await.unwrap();
        assert_eq!(door.directory.asked.lock().unwrap().pop().unwrap().email, email);
    }
    let refused = door.access(&EC.sign("e", &with(&claims, "sub", "blocked"))).await;
    assert_eq!(refused, Err(AuthError::Refused("it was deactivated".to_owned())));
}

#[tokio::test]
async fn a_token_for_somebody_else_or_from_somebody_else_is_refused_and_nobody_is_created() {
    let issuer = Issuer::start(&[EC.published("e")]).await;
    let door = door_to(&issuer);
    let good = claims(&door, &issuer);
    let cases = [
        (with(&good, "iss", "https://elsewhere.example"), InvalidToken::Issuer),
        (with(&good, "iss", format!("{}/", issuer.url)), InvalidToken::Issuer),
        (with(&good, "aud", "another"), InvalidToken::Audience),
        (with(&good, "aud", json!(["another", "third"])), InvalidToken::Audience),
        (without(&good, "aud"), InvalidToken::Audience),
        (with(&without(&good, "aud"), "client_id", "another"), InvalidToken::Audience),
        (with(&with(&good, "aud", "another"), "client_id", AUDIENCE), InvalidToken::Audience),
        (without(&good, "sub"), InvalidToken::Malformed),
        (with(&good, "sub", ""), InvalidToken::Malformed),
        (without(&good, "exp"), InvalidToken::Malformed),
        (with(&good, "exp", "tomorrow"), InvalidToken::Malformed),
        (with(&good, "exp", 1e300), InvalidToken::Malformed),
    ];
    for (claims, reason) in cases {
        assert_eq!(door.access(&EC.sign("e", &claims)).await, Err(reason.into()), "{claims}");
    }
    assert!(door.directory.asked.lock().unwrap().is_empty());
    for accepted in [with(&good, "aud", json!(["x", AUDIENCE])), with(&without(&good, "aud"), "client_id", AUDIENCE)] {
        assert!(door.access(&EC.sign("e", &accepted)).await.is_ok(), "{accepted}");
    }
}

#[tokio::test]
async fn times_hold_with_a_leeway_of_a_minute() {
    let issuer = Issuer::start(&[EC.published("e")]).await;
    let door = door_to(&issuer);
    let good = claims(&door, &issuer);
    let now = door.clock.now().timestamp();
    let outcome = async |claims: Value| door.access(&EC.sign("e", &claims)).await.map(|_| ());
    assert_eq!(outcome(with(&good, "exp", now - 59)).await, Ok(()));
    assert_eq!(outcome(with(&good, "exp", now - 60)).await, Err(AuthError::Expired));
    assert_eq!(outcome(with(&good, "nbf", now + 60)).await, Ok(()));
    assert_eq!(outcome(with(&good, "nbf", now + 61)).await, Err(InvalidToken::NotYet.into()));
}

#[tokio::test]
async fn a_key_serves_only_its_own_algorithm_and_never_as_a_secret() {
    let issuer = Issuer::start(&[RSA.published("r"), EC.published("e")]).await;
    let door = door_to(&issuer);
    let claims = claims(&door, &issuer);
    assert_eq!(door.access(&RSA.sign("e", &claims)).await, Err(InvalidToken::Algorithm.into()));
    assert_eq!(door.access(&EC.sign("r", &claims)).await, Err(InvalidToken::Algorithm.into()));

    // The classic confusion: the public key, which everybody knows, used as the secret of an HMAC.
    let public = RSA.published("r");
    for secret in [public["n"].as_str().unwrap().as_bytes(), public.to_string().as_bytes()] {
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some("r".to_owned());
        let forged = jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(secret)).unwrap();
        assert_eq!(door.access(&forged).await, Err(InvalidToken::Signature.into()));
    }
}

#[tokio::test]
async fn a_token_cannot_bring_its_own_key() {
    let issuer = Issuer::start(&[EC.published("e")]).await;
    let door = door_to(&issuer);
    let attacker = SigningKey { algorithm: Algorithm::RS256, key: RSA.key.clone() };
    let mut header = Header::new(Algorithm::RS256);
    header.kid = Some("mine".to_owned());
    header.jwk = Some(serde_json::from_value(attacker.published("mine")).unwrap());
    header.jku = Some(format!("{}/other-keys", issuer.url));
    let token = jsonwebtoken::encode(&header, &claims(&door, &issuer), &attacker.key).unwrap();
    assert_eq!(door.access(&token).await, Err(InvalidToken::UnknownKey.into()));
}

#[tokio::test]
async fn a_changed_token_is_refused() {
    let issuer = Issuer::start(&[EC.published("e")]).await;
    let door = door_to(&issuer);
    let good = claims(&door, &issuer);
    let (one, other) = (EC.sign("e", &good), EC.sign("e", &with(&good, "sub", "subject-2")));
    let (head, _) = other.rsplit_once('.').unwrap();
    let (_, signature) = one.rsplit_once('.').unwrap();
    assert_eq!(door.access(&format!("{head}.{signature}")).await, Err(InvalidToken::Signature.into()));
}

#[tokio::test]
async fn keys_that_are_weak_or_not_for_signatures_are_not_used() {
    let mut encryption = EC.published("enc");
    encryption["use"] = "enc".into();
    let mut nameless = EC.published("x");
    nameless.as_object_mut().unwrap().remove("kid");
    let secret = json!({ "kty": "oct", "kid": "oct", "k": "c2VjcmV0", "alg": "HS256" });
    let strange = json!({ "kty": "LATTICE", "kid": "future" });
    let keys = [SMALL_RSA.published("small"), encryption, nameless, secret, strange, EC.published("good")];
    let issuer = Issuer::start(&keys).await;
    let door = door_to(&issuer);
    let claims = claims(&door, &issuer);
    for token in [SMALL_RSA.sign("small", &claims), EC.sign("enc", &claims), EC.sign("oct", &claims)] {
        assert_eq!(door.access(&token).await, Err(InvalidToken::UnknownKey.into()));
    }
    assert!(door.access(&EC.sign("good", &claims)).await.is_ok(), "the others do not spoil it");
}

#[tokio::test]
async fn a_rotated_key_is_fetched_but_unknown_keys_do_not_flood_the_issuer() {
    let issuer = Issuer::start(&[EC.published("old")]).await;
    let door = door_to(&issuer);
    let claims = claims(&door, &issuer);
    assert!(door.access(&EC.sign("old", &claims)).await.is_ok());
    issuer.publish(&[RSA.published("new")]);
    for _ in 0..29 {
        door.advance(1);
        assert_eq!(door.access(&RSA.sign("new", &claims)).await, Err(InvalidToken::UnknownKey.into()));
    }
    assert_eq!(issuer.key_requests(), 1, "not again within 30 s");
    door.advance(1);
    assert!(door.access(&RSA.sign("new", &claims)).await.is_ok());
    assert_eq!(issuer.key_requests(), 2);
    assert_eq!(door.access(&EC.sign("old", &claims)).await, Err(InvalidToken::UnknownKey.into()), "it was withdrawn");
}

#[tokio::test]
async fn many_first_tokens_at_once_cost_one_fetch() {
    let issuer = Issuer::start(&[EC.published("e")]).await;
    let door = door_to(&issuer);
    let token = EC.sign("e", &claims(&door, &issuer));
    let outcomes = futures_util::future::join_all((0..20).map(|_| door.access(&token))).await;
    assert!(outcomes.iter().all(Result::is_ok));
    assert_eq!(issuer.key_requests(), 1);
}

#[tokio::test]
async fn an_issuer_that_is_down_is_no_proof_against_a_token_and_its_last_keys_hold() {
    let issuer = Issuer::start(&[EC.published("e")]).await;
    let door = door_to(&issuer);
    let claims = with(&claims(&door, &issuer), "exp", door.clock.now().timestamp() + 200_000);
    let token = EC.sign("e", &claims);
    issuer.fail();
    assert!(matches!(door.access(&token).await, Err(AuthError::Unavailable(_))));
    issuer.publish(&[EC.published("e")]);
    assert!(matches!(door.access(&token).await, Err(AuthError::Unavailable(_))), "not asked again within 30 s");
    door.advance(30);
    assert!(door.access(&token).await.is_ok());
    issuer.fail();
    door.advance(7200);
    assert!(door.access(&token).await.is_ok(), "old keys hold while the issuer cannot be reached");
    door.advance(24 * 3600);
    assert!(matches!(door.access(&token).await, Err(AuthError::Unavailable(_))), "but not for ever");
}

#[tokio::test]
async fn the_discovery_document_must_be_the_issuers_own() {
    let issuer = Issuer::start(&[EC.published("e")]).await;
    let other = json!({ "issuer": "https://elsewhere.example", "jwks_uri": format!("{}/keys", issuer.url) });
    issuer.serve("/.well-known/openid-configuration", other.to_string());
    let door = door_to(&issuer);
    let token = EC.sign("e", &claims(&door, &issuer));
    assert!(matches!(door.access(&token).await, Err(AuthError::Unavailable(_))));
    assert_eq!(issuer.key_requests(), 0);

    let told = OidcConfig { jwks_url: Some(format!("{}/keys", issuer.url)), ..config(&issuer) };
    let door = Door::new(Mode::Production, SECRET, Some(told));
    assert!(door.access(&token).await.is_ok(), "jwks_url makes discovery unnecessary");
}

#[tokio::test]
async fn an_endless_answer_is_not_read_to_its_end() {
    let issuer = Issuer::start(&[]).await;
    issuer.serve("/keys", format!("{{\"keys\":[],\"x\":\"{}\"}}", "x".repeat(2 << 20)));
    let door = door_to(&issuer);
    let token = EC.sign("e", &claims(&door, &issuer));
    assert!(matches!(door.access(&token).await, Err(AuthError::Unavailable(_))));
}
