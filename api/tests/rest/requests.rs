//! What holds for every request.

use axum::body::Body;
use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ALLOW, CONTENT_TYPE,
    ORIGIN,
};
use http::{Method, Request, StatusCode};
use platform::bus::{Bus, InstanceId, RedisBus, World};
use platform::config::Config;
use platform::metrics::Metrics;
use serde_json::json;

use crate::server::{Server, post};

#[tokio::test]
async fn a_request_has_an_id_that_the_caller_may_choose() {
    let server = Server::start().await;
    let get = |id: &str| Request::get("/api/v1/users/me").header("X-Request-Id", id).body(Body::empty()).unwrap();
    let answer = server.call(get("my-id.1")).await;
    assert_eq!(answer.headers["x-request-id"], "my-id.1");
    assert_eq!(answer.json()["requestId"], "my-id.1");
    let answer = server.call(get("not an id")).await;
    assert_ne!(answer.headers["x-request-id"], "not an id");
    assert_eq!(server.get("/health").await.headers["x-request-id"].len(), 32);
}

#[tokio::test]
async fn what_does_not_exist_is_a_problem_too() {
    let server = Server::start().await;
    for path in ["/api/v1", "/api/v1/", "/api/v1/nothing", "/api/v1/orgs/a/b/c"] {
        println!("{path}");
        server.get(path).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    }
    let request = Request::put("/api/v1/orgs").body(Body::empty()).unwrap();
    let answer = server.call(request).await;
    answer.expect_problem(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED");
    let allowed = answer.headers[ALLOW].to_str().unwrap();
    assert!(allowed.contains("GET") && allowed.contains("POST"), "{allowed}");
}

#[tokio::test]
async fn bodies_must_be_json_of_the_right_shape_and_size() {
    let server = Server::start().await;
    let ada = server.sign_in("ada").await;
    let send = async |content_type: &str, body: String| {
        let request = ada.request(Method::POST, "/orgs").header(CONTENT_TYPE, content_type);
        ada.send(request, body).await
    };
    send("text/plain", "{}".into()).await.expect_problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE");
    send("application/json", "{".into()).await.expect_problem(StatusCode::BAD_REQUEST, "INVALID_JSON");
    let large = format!("{{\"name\": \"{}\"}}", "x".repeat(server.api.limits.request_body_bytes));
    send("application/json", large).await.expect_problem(StatusCode::PAYLOAD_TOO_LARGE, "BODY_TOO_LARGE");
    let unknown = ada.post("/orgs", json!({"name": "One", "colour": "red"})).await;
    let problem = unknown.expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "VALIDATION_FAILED");
    assert!(problem["errors"][0]["message"].as_str().unwrap().contains("colour"), "{problem}");
}

#[tokio::test]
async fn ids_are_read_before_anybody_is_asked_about_them() {
    let server = Server::start().await;
    let ada = server.sign_in("ada").await;
    for path in ["/orgs/1", "/projects/x", "/nodes/0192D3E0-5B7A-7C3E-8F00-3F2A9F1C4D5E", "/documents/node:1/snapshot"]
    {
        ada.get(path).await.expect_problem(StatusCode::BAD_REQUEST, "INVALID_ID");
    }
    // Without a token not even that is told.
    server.get("/api/v1/orgs/1").await.expect_problem(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED");
}

#[tokio::test]
async fn pages_of_configured_origins_may_call_and_others_may_not() {
    let server = Server::start().await;
    let call = async |method: Method, origin: &str| {
        let request = Request::builder()
            .method(method)
            .uri("/api/v1/orgs")
            .header(ORIGIN, origin)
            .header(ACCESS_CONTROL_REQUEST_METHOD, "POST")
            .body(Body::empty())
            .unwrap();
        server.call(request).await
    };
    let preflight = call(Method::OPTIONS, "https://app.example").await;
    assert_eq!(preflight.status, StatusCode::OK);
    assert_eq!(preflight.headers[ACCESS_CONTROL_ALLOW_ORIGIN], "https://app.example");
    let answer = call(Method::GET, "https://app.example").await;
    assert!(answer.headers[ACCESS_CONTROL_EXPOSE_HEADERS].to_str().unwrap().contains("etag"));
    for method in [Method::OPTIONS, Method::GET] {
        assert!(!call(method, "https://evil.example").await.headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN));
    }
}

#[tokio::test]
async fn health_readiness_and_metrics_are_told_without_a_token() {
    let server = Server::start().await;
    assert_eq!(server.get("/health").await.expect(StatusCode::OK), json!({"status": "up"}));
    let ready = server.get("/ready").await.expect(StatusCode::OK);
    assert_eq!(ready, json!({"status": "up", "dependencies": {"database": "up", "bus": "up", "server": "up"}}));
    let metrics = server.get("/metrics").await;
    assert!(metrics.headers[CONTENT_TYPE].to_str().unwrap().starts_with("application/openmetrics-text"));
    let text = String::from_utf8(metrics.body.to_vec()).unwrap();
    let line = "glassbox_http_request_duration_seconds_count{method=\"GET\",route=\"/health\",status=\"200\"} 1";
    assert!(text.contains(line), "{text}");
    assert!(text.ends_with("# EOF\n"), "{text}");
}

#[tokio::test]
async fn a_server_without_its_database_is_alive_and_not_ready() {
    let server = Server::start().await;
    let ada = server.sign_in("ada").await;
    server.api.db.close().await;
    assert_eq!(server.get("/health").await.status, StatusCode::OK);
    let ready = server.get("/ready").await.expect(StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(ready["dependencies"], json!({"database": "down", "bus": "up", "server": "up"}));
    let answer = ada.get("/orgs").await;
    answer.expect_problem(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE");
    assert!(answer.headers.contains_key("retry-after"));
    let again = server.call(post("/api/v1/auth/dev-token", &json!({"email": "ada@example.com"}))).await;
    again.expect_problem(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE");
}

#[tokio::test]
async fn a_server_without_its_redis_is_ready_and_says_that_it_is_degraded() {
    let server = Server::start().await;
    let environment = |name: &str| (name == "REDIS_URL").then(|| "redis+unix:///nonexistent/socket".to_owned());
    let redis = Config::load(None, &environment).unwrap().redis.unwrap();
    let api = &server.api;
    let world = World { random: &api.random, lifecycle: &api.lifecycle, metrics: &Metrics::new() };
    let bus = RedisBus::start(&redis, InstanceId::new(api.random.uuid_v4()), &world).unwrap();
    let server = server.with_bus(Bus::Redis(bus));
    let ready = server.get("/ready").await.expect(StatusCode::OK);
    assert_eq!(ready, json!({"status": "degraded", "dependencies": {"database": "up", "bus": "down", "server": "up"}}));
}

#[tokio::test]
async fn the_description_is_served() {
    let server = Server::start().await;
    let description = server.get("/api/v1/openapi.json").await.expect(StatusCode::OK);
    assert_eq!(description["openapi"], "3.1.0");
}
