//! How often callers may do something, and how large documents may become.

use http::StatusCode;
use http::header::RETRY_AFTER;
use platform::limits::{Limit, Limits};
use serde_json::json;

use crate::server::{Server, post};

#[tokio::test]
async fn development_tokens_are_made_so_often_for_an_address() {
    let server = Server::start().await;
    let limited = server.with_limits(Limits { dev_tokens_per_minute_per_address: 3, ..Limits::default() });
    for number in 0..3 {
        limited.sign_in(&format!("person-{number}")).await;
    }
    let answer = limited.call(post("/api/v1/auth/dev-token", &json!({"email": "late@example.com"}))).await;
    answer.expect_problem(StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS");
    let retry: u64 = answer.headers[RETRY_AFTER].to_str().unwrap().parse().unwrap();
    assert!((1..=20).contains(&retry), "one is earned in twenty seconds: {retry}");
    assert_eq!(answer.headers["ratelimit-policy"], r#""dev-tokens";q=3;w=60"#);
    assert_eq!(answer.headers["ratelimit"], format!(r#""dev-tokens";r=0;t={retry}"#));
    assert_eq!(limited.api.metrics.limits().get(Limit::Requests), 1);
}

#[tokio::test]
async fn every_answer_says_how_many_requests_may_follow_and_too_many_are_refused() {
    let server = Server::start().await;
    let limits = Limits { requests_per_minute_per_person: 1, ..Limits::default() };
    let allowed = limits.requests(platform::config::Mode::Development).rate.amount();
    let limited = server.with_limits(limits);
    let (ann, bob) = (limited.sign_in("ann").await, limited.sign_in("bob").await);
    let first = ann.get("/users/me").await;
    first.expect(StatusCode::OK);
    assert_eq!(first.headers["ratelimit-policy"], format!(r#""requests";q={allowed};w=60"#));
    let left = |answer: &crate::server::Answer| answer.headers["ratelimit"].to_str().unwrap().to_owned();
    assert!(left(&first).starts_with(&format!(r#""requests";r={};t="#, allowed - 1)), "{}", left(&first));
    ann.get("/nodes/nonsense").await.expect_problem(StatusCode::BAD_REQUEST, "INVALID_ID");
    let refused = loop {
        let answer = ann.get("/orgs?limit=0").await;
        if answer.status != StatusCode::BAD_REQUEST {
            break answer;
        }
    };
    refused.expect_problem(StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS");
    assert!(left(&refused).starts_with(r#""requests";r=0;t="#), "{}", left(&refused));
    assert!(refused.headers.contains_key(RETRY_AFTER));
    bob.get("/users/me").await.expect(StatusCode::OK);
}

#[tokio::test]
async fn the_requests_of_all_keys_of_a_person_count_for_the_person() {
    const REQUESTS: u64 = 20;
    let server = Server::start().await;
    let (ann, org, _) = server.with_project("ann").await;
    let key = async |name: &str| {
        let body = json!({"name": name, "scopes": ["api:read"]});
        let made = ann.post(&format!("/orgs/{org}/api-keys"), body).await.expect(StatusCode::CREATED);
        made["key"].as_str().unwrap().to_owned()
    };
    let (one, another) = (key("one").await, key("another").await);
    let limits = Limits { requests_per_minute_per_person: 1, ..Limits::default() };
    let allowed = limits.requests(platform::config::Mode::Development).rate.amount();
    let limited = server.with_limits(limits);
    for _ in 0..REQUESTS {
        limited.program(&one).get("/orgs").await.expect(StatusCode::OK);
    }
    let answer = limited.program(&another).get("/orgs").await;
    let left = answer.headers["ratelimit"].to_str().unwrap();
    let left = left.strip_prefix(r#""requests";r="#).and_then(|rest| rest.split(';').next()).unwrap();
    let left: u64 = left.parse().unwrap();
    // Some were earned again meanwhile.
    assert!(left < allowed - REQUESTS / 2, "{left} of {allowed}");
}

#[tokio::test]
async fn tokens_for_sockets_are_made_so_often_for_a_principal() {
    let server = Server::start().await;
    let limited = server.with_limits(Limits { ws_tokens_per_minute_per_principal: 2, ..Limits::default() });
    let (ann, bob) = (limited.sign_in("ann").await, limited.sign_in("bob").await);
    for _ in 0..2 {
        ann.post("/auth/ws-token", json!({})).await.expect(StatusCode::OK);
    }
    let refused = ann.post("/auth/ws-token", json!({})).await;
    refused.expect_problem(StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS");
    bob.post("/auth/ws-token", json!({})).await.expect(StatusCode::OK);
}
