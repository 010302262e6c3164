//! The server's own tokens.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use super::*;
use crate::clock::Clock;

/// The claims of a token that holds, for tests to spoil.
fn claims(door: &Door, issuer: &str, audience: &str) -> Value {
    let now = door.clock.now().timestamp();
    json!({
        "iss": issuer, "aud": audience, "sub": user("Ada").reference().to_string(), "name": "Ada", "subject": "s",
        "iat": now, "exp": now + 300, "authority_until": now + 600,
    })
}

fn sign(claims: &Value, algorithm: Algorithm, secret: &str) -> String {
    jsonwebtoken::encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
}

#[tokio::test]
async fn a_development_token_names_its_user_until_it_runs_out() {
    let door = Door::development();
    let issued = door.authenticator.issue_dev_token(&user("Ada")).unwrap();
    let token = issued.token.expose();
    let authenticated = door.access(token).await.unwrap();
    assert_eq!(authenticated.principal, user("Ada"));
    assert_eq!(authenticated.expires_at, issued.expires_at);
    assert_eq!(door.socket(token).await.unwrap(), authenticated);
    door.advance(3599);
    assert!(door.access(token).await.is_ok());
    door.advance(1);
    assert_eq!(door.access(token).await, Err(AuthError::Expired));
}

#[tokio::test]
async fn development_tokens_are_neither_issued_nor_accepted_in_production() {
    let token = Door::development().authenticator.issue_dev_token(&user("Ada")).unwrap().token;
    let production = Door::new(Mode::Production, SECRET, None);
    assert_eq!(production.authenticator.issue_dev_token(&user("Ada")), None);
    assert_eq!(production.access(token.expose()).await, Err(InvalidToken::Issuer.into()));
    assert_eq!(production.socket(token.expose()).await, Err(InvalidToken::Issuer.into()));
}

#[tokio::test]
async fn a_socket_token_opens_sockets_only_for_five_minutes_and_carries_the_authority_of_its_access_token() {
    let door = Door::development();
    let access_token = door.authenticator.issue_dev_token(&user("Ada")).unwrap();
    let access = door.access(access_token.token.expose()).await.unwrap();
    let issued = door.authenticator.issue_ws_token(&access);
    let token = issued.token.expose();
    assert_eq!((issued.expires_at - door.clock.now()).num_seconds(), 300);
    assert_eq!(door.socket(token).await.unwrap(), access);
    assert_eq!(door.access(token).await, Err(InvalidToken::Issuer.into()));
    door.advance(300);
    assert_eq!(door.socket(token).await, Err(AuthError::Expired));

    door.advance(3600 - 300 - 10);
    let last = door.authenticator.issue_ws_token(&access);
    assert_eq!(last.expires_at, access.expires_at, "it must not outlive the access token");
}

#[tokio::test]
async fn tokens_of_another_secret_algorithm_issuer_or_audience_are_refused() {
    let door = Door::development();
    let good = claims(&door, "glassbox-dev", "glassbox-api");
    assert!(door.access(&sign(&good, Algorithm::HS256, SECRET)).await.is_ok());
    let other_secret = "another secret, of 32 bytes too.";
    let cases = [
        (sign(&good, Algorithm::HS256, other_secret), InvalidToken::Signature),
        (sign(&good, Algorithm::HS384, SECRET), InvalidToken::Algorithm),
        (sign(&good, Algorithm::HS512, SECRET), InvalidToken::Algorithm),
        (sign(&claims(&door, "glassbox", "glassbox-api"), Algorithm::HS256, SECRET), InvalidToken::Issuer),
        (sign(&claims(&door, "somebody", "glassbox-api"), Algorithm::HS256, SECRET), InvalidToken::Issuer),
        (sign(&claims(&door, "glassbox-dev", "glassbox-ws"), Algorithm::HS256, SECRET), InvalidToken::Audience),
        (sign(&json!({ "exp": 9_999_999_999_i64 }), Algorithm::HS256, SECRET), InvalidToken::Malformed),
    ];
    for (token, reason) in cases {
        assert_eq!(door.access(&token).await, Err(reason.into()), "{token}");
    }
}

#[tokio::test]
async fn an_unsigned_token_is_refused_however_it_is_written() {
    let door = Door::development();
    let signed = sign(&claims(&door, "glassbox-dev", "glassbox-api"), Algorithm::HS256, SECRET);
    let (_, payload_and_signature) = signed.split_once('.').unwrap();
    let (payload, _) = payload_and_signature.split_once('.').unwrap();
    // {"alg":"none","typ":"JWT"}, {"alg":"None"} and {"alg":""}.
    for header in ["eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0", "eyJhbGciOiJOb25lIn0", "eyJhbGciOiIifQ"] {
        for token in [format!("{header}.{payload}."), format!("{header}.{payload_and_signature}")] {
            assert_eq!(door.access(&token).await, Err(InvalidToken::Malformed.into()), "{token}");
        }
    }
    let stripped = signed.rsplit_once('.').unwrap().0;
    assert_eq!(door.access(&format!("{stripped}.")).await, Err(InvalidToken::Signature.into()));
}

#[tokio::test]
async fn what_is_no_token_is_refused_before_anything_is_decoded() {
    let door = Door::development();
    for text in ["", "x", "..", "a.b.c", "\u{0}", "Bearer x"] {
        assert_eq!(door.access(text).await, Err(InvalidToken::Malformed.into()), "{text}");
    }
    assert_eq!(door.access(&"a".repeat(20_000)).await, Err(InvalidToken::TooLong.into()));
}

#[tokio::test]
async fn a_token_with_a_critical_extension_is_refused() {
    let door = Door::development();
    let mut header = Header::new(Algorithm::HS256);
    header.crit = Some(vec!["b64".to_owned()]);
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let token = jsonwebtoken::encode(&header, &claims(&door, "glassbox-dev", "glassbox-api"), &key).unwrap();
    assert_eq!(door.access(&token).await, Err(InvalidToken::Malformed.into()));
}

#[tokio::test]
async fn an_issuers_algorithm_without_an_issuer_is_refused() {
    let door = Door::development();
    // {"alg":"RS256","kid":"a"}, {"alg":"ES256","kid":"a"}
    for header in ["eyJhbGciOiJSUzI1NiIsImtpZCI6ImEifQ", "eyJhbGciOiJFUzI1NiIsImtpZCI6ImEifQ"] {
        assert_eq!(door.access(&format!("{header}.e30.AA")).await, Err(InvalidToken::Algorithm.into()));
    }
}
