//! Files: announced, uploaded, confirmed, read, listed, changed and deleted. By whom: `file_access.rs`.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use chrono::{TimeDelta, Utc};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{Method, Request, StatusCode};
use platform::blob::BlobKey;
use platform::clock::{Clock, ManualClock};
use platform::files::FileKeeper;
use platform::limits::Limits;
use platform::metrics::Metrics;
use platform::testing::PUBLIC_URL;
use serde_json::{Value, json};

use crate::server::{Answer, Client, Server};

pub(crate) const TEXT: &str = "text/plain";

/// The part of a signed address that is sent.
pub(crate) fn path_of(url: &Value) -> String {
    url.as_str().unwrap().strip_prefix(PUBLIC_URL).unwrap().to_owned()
}

async fn announce(client: &Client, org: &str, file: Value) -> Value {
    client.post(&format!("/orgs/{org}/files/upload"), file).await.expect(StatusCode::CREATED)
}

/// Sends bytes to where it was said, without a token.
async fn put(server: &Server, announced: &Value, bytes: impl Into<Bytes>) -> Answer {
    let mut request = Request::put(path_of(&announced["uploadUrl"]));
    for (name, value) in announced["uploadHeaders"].as_object().unwrap() {
        request = request.header(name, value.as_str().unwrap());
    }
    server.call(request.body(Body::from(bytes.into())).unwrap()).await
}

/// The id of a file whose bytes are there.
pub(crate) async fn upload(server: &Server, client: &Client, org: &str, file: Value, bytes: &'static str) -> String {
    let announced = announce(client, org, file).await;
    assert_eq!(put(server, &announced, bytes).await.status, StatusCode::OK);
    let id = announced["fileId"].as_str().unwrap();
    client.post(&format!("/files/{id}/confirm"), json!({})).await.expect(StatusCode::OK);
    id.to_owned()
}

pub(crate) fn key_of(org: &str, file: &str) -> BlobKey {
    BlobKey::of_file(org.parse().unwrap(), file.parse().unwrap())
}

pub(crate) async fn stored(server: &Server, org: &str, file: &str) -> Option<u64> {
    server.api.blobs.size(&key_of(org, file)).await.unwrap()
}

/// Looks for what is left over, `later` from now. Returns what is told of it.
async fn sweep(server: &Server, later: TimeDelta) -> String {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(Utc::now() + later));
    let api = &server.api;
    let metrics = Metrics::new();
    FileKeeper::new(&api.db, &api.blobs, &clock, &api.files, &api.limits, &metrics).sweep().await;
    metrics.encode()
}

/// The value of a metric of sweeps.
fn swept<'a>(metrics: &'a str, name: &str) -> &'a str {
    let sample = format!("glassbox_file_sweep_{name} ");
    let value = metrics.lines().find_map(|line| line.strip_prefix(&sample));
    value.unwrap_or_else(|| panic!("{name} is not told: {metrics}"))
}

#[tokio::test]
async fn a_file_goes_up_and_comes_down() {
    let server = Server::start().await;
    let (ada, org, project) = server.with_project("ada").await;
    let file = json!({
        "filename": "Größe \"1\".html", "contentType": "text/html", "sizeBytes": 8, "projectId": project,
        "metadata": {"source": "field trip"},
    });
    let announced = announce(&ada, &org, file).await;
    assert_eq!(announced["uploadMethod"], "PUT");
    assert_eq!(announced["uploadHeaders"], json!({"content-type": "text/html"}));
    let id = announced["fileId"].as_str().unwrap();
    let path = format!("/files/{id}");
    let before = ada.get(&path).await.expect(StatusCode::OK);
    assert_eq!((&before["processingStatus"], &before["downloadUrl"]), (&json!("uploading"), &Value::Null));
    let confirm = format!("{path}/confirm");
    ada.post(&confirm, json!({})).await.expect_problem(StatusCode::CONFLICT, "FILE_NOT_UPLOADED");
    assert_eq!(put(&server, &announced, "<script>").await.status, StatusCode::OK);

    let confirmed = ada.post(&confirm, json!({})).await.expect(StatusCode::OK);
    assert_eq!(confirmed["processingStatus"], "pending");
    assert_eq!((&confirmed["sizeBytes"], &confirmed["projectId"]), (&json!(8), &json!(project)));
    assert_eq!((&confirmed["organizationId"], &confirmed["uploadedBy"]), (&json!(org), &json!(ada.id())));
    assert_eq!(confirmed["filename"], "Größe \"1\".html");
    assert_eq!(confirmed["contentType"], "text/html");
    assert_eq!((&confirmed["hasText"], &confirmed["textTruncated"]), (&json!(false), &json!(false)));
    assert_eq!(confirmed["metadata"], json!({"source": "field trip"}));
    let again = ada.post(&confirm, json!({})).await.expect(StatusCode::OK);
    assert_eq!(again["updatedAt"], confirmed["updatedAt"], "to confirm it again changes nothing");

    let read = ada.get(&path).await.expect(StatusCode::OK);
    let answer = server.get(&path_of(&read["downloadUrl"])).await;
    assert_eq!((answer.status, &answer.body[..]), (StatusCode::OK, &b"<script>"[..]));
    let header = |name: &str| answer.headers[name].to_str().unwrap();
    assert_eq!(header("content-disposition"), "attachment; filename*=UTF-8''Gr%C3%B6%C3%9Fe%20%221%22.html");
    assert_eq!(header("content-type"), "application/octet-stream");
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert_eq!(header("content-security-policy"), "sandbox; default-src 'none'");
    assert_eq!(header("content-length"), "8");
    ada.get(&format!("{path}/text")).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
}

#[tokio::test]
async fn the_text_of_a_file_is_read_as_plain_text() {
    let server = Server::start().await;
    let (ada, org, _) = server.with_project("ada").await;
    let id = upload(&server, &ada, &org, json!({"filename": "a.txt"}), "a").await;
    let read = format!(
        "UPDATE files SET state = 'complete', extracted_text = '<b>Söme', text_truncated = true WHERE id = '{id}'"
    );
    server.database().sabotage(&read).await;
    let file = ada.get(&format!("/files/{id}")).await.expect(StatusCode::OK);
    assert_eq!((&file["processingStatus"], &file["hasText"]), (&json!("complete"), &json!(true)));
    assert_eq!(file["textTruncated"], true);
    let text = ada.get(&format!("/files/{id}/text")).await;
    assert_eq!((text.status, std::str::from_utf8(&text.body).unwrap()), (StatusCode::OK, "<b>Söme"));
    assert_eq!(text.headers[CONTENT_TYPE], "text/plain; charset=utf-8");
    assert_eq!(text.headers["x-content-type-options"], "nosniff");
}

#[tokio::test]
async fn files_are_listed_in_several_orders_and_by_what_they_are() {
    let server = Server::start().await;
    let (ada, org, project) = server.with_project("ada").await;
    let file = |name: &str, content_type: &str| json!({"filename": name, "contentType": content_type});
    upload(&server, &ada, &org, file("b.png", "image/png"), "12").await;
    upload(&server, &ada, &org, file("c.txt", TEXT), "1").await;
    let in_project = json!({"filename": "a.txt", "contentType": TEXT, "projectId": project});
    let last = upload(&server, &ada, &org, in_project, "123").await;
    announce(&ada, &org, file("d.txt", TEXT)).await;
    let names = async |query: &str| {
        let page = ada.get(&format!("/orgs/{org}/files{query}")).await.expect(StatusCode::OK);
        let names = page["items"].as_array().unwrap().iter().map(|file| file["filename"].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    assert_eq!(names("").await, ["b.png", "c.txt", "a.txt", "d.txt"]);
    assert_eq!(names("?sort=-createdAt").await, ["d.txt", "a.txt", "c.txt", "b.png"]);
    assert_eq!(names("?sort=filename").await, ["a.txt", "b.png", "c.txt", "d.txt"]);
    assert_eq!(names("?sort=-sizeBytes").await, ["a.txt", "b.png", "c.txt", "d.txt"]);
    assert_eq!(names(&format!("?projectId={project}")).await, ["a.txt"]);
    assert_eq!(names("?processingStatus=uploading").await, ["d.txt"]);
    assert_eq!(names("?contentType=image/").await, ["b.png"]);
    assert_eq!(names(&format!("?uploadedBy={}&contentType=text/plain", ada.id())).await, ["c.txt", "a.txt", "d.txt"]);
    assert_eq!(names(&format!("?uploadedBy={org}")).await, [""; 0]);
    for sort in ["createdAt", "-filename", "sizeBytes"] {
        let mut found = Vec::new();
        let mut query = format!("?sort={sort}&limit=1");
        loop {
            let page = ada.get(&format!("/orgs/{org}/files{query}")).await.expect(StatusCode::OK);
            found.extend(page["items"].as_array().unwrap().clone());
            let Some(cursor) = page["nextCursor"].as_str() else { break };
            query = format!("?sort={sort}&limit=1&cursor={cursor}");
        }
        assert_eq!(found.len(), 4, "{sort}");
    }
    let page = ada.get(&format!("/orgs/{org}/files?sort=-createdAt&limit=2")).await.expect(StatusCode::OK);
    assert_eq!((&page["items"][1]["id"], &page["items"][1]["downloadUrl"]), (&json!(last), &Value::Null));
    ada.delete(&format!("/projects/{project}")).await.expect(StatusCode::NO_CONTENT);
    assert_eq!(names("").await, ["b.png", "c.txt", "d.txt"], "what is in the trash is not listed");
    ada.get(&format!("/files/{last}")).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    for query in ["?sort=size", "?processingStatus=done", "?projectId=x", "?cursor=x"] {
        let answer = ada.get(&format!("/orgs/{org}/files{query}")).await;
        answer.expect_problem(StatusCode::BAD_REQUEST, "INVALID_PARAMETER");
    }
}

#[tokio::test]
async fn a_file_is_called_otherwise_and_noted_otherwise() {
    let server = Server::start().await;
    let (ada, org, _) = server.with_project("ada").await;
    let id = upload(&server, &ada, &org, json!({"filename": "a.txt", "metadata": {"a": 1}}), "a").await;
    let path = format!("/files/{id}");
    let renamed = ada.patch(&path, json!({"filename": "b.txt"})).await.expect(StatusCode::OK);
    assert_eq!((&renamed["filename"], &renamed["metadata"]), (&json!("b.txt"), &json!({"a": 1})));
    let download = server.get(&path_of(&renamed["downloadUrl"])).await;
    assert_eq!(download.headers["content-disposition"], "attachment; filename*=UTF-8''b.txt");
    let noted = ada.patch(&path, json!({"metadata": {"b": [2]}})).await.expect(StatusCode::OK);
    assert_eq!((&noted["filename"], &noted["metadata"]), (&json!("b.txt"), &json!({"b": [2]})));
    let emptied = ada.patch(&path, json!({"metadata": null})).await.expect(StatusCode::OK);
    assert_eq!(emptied["metadata"], json!({}));
    for wrong in [
        json!({"filename": null}),
        json!({"filename": " "}),
        json!({"filename": "a\nb"}),
        json!({"filename": "a".repeat(256)}),
        json!({"metadata": {"text": "a".repeat(16 * 1024)}}),
        json!({"metadata": {"text": "\u{0}"}}),
        json!({"metadata": []}),
        json!({"contentType": "text/html"}),
    ] {
        let answer = ada.patch(&path, wrong).await;
        answer.expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "VALIDATION_FAILED");
    }
}

#[tokio::test]
async fn a_deleted_files_bytes_are_gone_after_the_sweep() {
    let server = Server::start().await;
    let (ada, org, _) = server.with_project("ada").await;
    let id = upload(&server, &ada, &org, json!({"filename": "a.txt"}), "a").await;
    let kept = upload(&server, &ada, &org, json!({"filename": "b.txt"}), "b").await;
    let path = format!("/files/{id}");
    let url = ada.get(&path).await.expect(StatusCode::OK)["downloadUrl"].clone();
    ada.delete(&path).await.expect(StatusCode::NO_CONTENT);
    ada.get(&path).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    ada.delete(&path).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    let told = sweep(&server, TimeDelta::zero()).await;
    assert_eq!((stored(&server, &org, &id).await, stored(&server, &org, &kept).await), (None, Some(1)));
    let values = ["blobs_waiting", "blobs_overdue_seconds", "blobs_deleted_total"].map(|name| swept(&told, name));
    assert_eq!(values, ["1", "0.0", "0"], "it is not over");
    server.get(&path_of(&url)).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    let is_noted = "SELECT count(*) = 1 FROM abandoned_blobs";
    assert!(server.database().is_so(is_noted).await, "until nobody can upload it any more");
    let told = sweep(&server, TimeDelta::hours(1)).await;
    assert!(!server.database().is_so(is_noted).await);
    assert_eq!(["blobs_waiting", "blobs_deleted_total"].map(|name| swept(&told, name)), ["0", "1"]);
    assert_eq!(stored(&server, &org, &kept).await, Some(1));
}

#[tokio::test]
async fn what_nobody_confirms_is_forgotten() {
    let server = Server::start().await;
    let (ada, org, _) = server.with_project("ada").await;
    let announced = announce(&ada, &org, json!({"filename": "a.txt"})).await;
    let id = announced["fileId"].as_str().unwrap();
    assert_eq!(put(&server, &announced, "a").await.status, StatusCode::OK);
    let kept = upload(&server, &ada, &org, json!({"filename": "b.txt"}), "b").await;
    let hours = i64::from(Limits::default().files_unconfirmed_hours);
    sweep(&server, TimeDelta::hours(hours - 1)).await;
    assert_eq!(stored(&server, &org, id).await, Some(1));
    let told = sweep(&server, TimeDelta::hours(hours + 1)).await;
    assert_eq!((stored(&server, &org, id).await, stored(&server, &org, &kept).await), (None, Some(1)));
    assert_eq!(swept(&told, "forgotten_total"), "1");
    ada.get(&format!("/files/{id}")).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    put(&server, &announced, "a").await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
}

#[tokio::test]
async fn bytes_can_be_sent_again_until_they_are_confirmed() {
    let server = Server::start().await;
    let (ada, org, _) = server.with_project("ada").await;
    let announced = announce(&ada, &org, json!({"filename": "a.txt"})).await;
    assert_eq!(announced["uploadHeaders"], json!({"content-type": "application/octet-stream"}));
    for bytes in ["at first", "then"] {
        assert_eq!(put(&server, &announced, bytes).await.status, StatusCode::OK);
    }
    let path = format!("/files/{}", announced["fileId"].as_str().unwrap());
    let file = ada.post(&format!("{path}/confirm"), json!({})).await.expect(StatusCode::OK);
    assert_eq!(file["sizeBytes"], 4);
    put(&server, &announced, "too late").await.expect_problem(StatusCode::CONFLICT, "CONFLICT");
    assert_eq!(server.get(&path_of(&file["downloadUrl"])).await.body, "then");
}

#[tokio::test]
async fn a_request_that_is_sent_again_announces_no_other_file() {
    let server = Server::start().await;
    let (ada, org, _) = server.with_project("ada").await;
    let path = format!("/orgs/{org}/files/upload");
    let send = async || {
        let request = ada.json(Method::POST, &path).header("Idempotency-Key", "k1");
        ada.send(request, json!({"filename": "a.txt"}).to_string()).await
    };
    let announced = send().await.expect(StatusCode::CREATED);
    assert_eq!(send().await.expect(StatusCode::CREATED)["fileId"], announced["fileId"]);
    assert_eq!(put(&server, &announced, "a").await.status, StatusCode::OK);
    let id = announced["fileId"].as_str().unwrap();
    ada.post(&format!("/files/{id}/confirm"), json!({})).await.expect(StatusCode::OK);
    send().await.expect_problem(StatusCode::CONFLICT, "CONFLICT");
    // The same id comes again after the file is gone; its new bytes are not swept away as the old ones.
    ada.delete(&format!("/files/{id}")).await.expect(StatusCode::NO_CONTENT);
    let again = send().await.expect(StatusCode::CREATED);
    assert_eq!(again["fileId"], id);
    assert_eq!(put(&server, &again, "anew").await.status, StatusCode::OK);
    sweep(&server, TimeDelta::hours(1)).await;
    assert_eq!(stored(&server, &org, id).await, Some(4));
}

#[tokio::test]
async fn files_that_are_too_large_are_refused_wherever_it_is_noticed() {
    let whole = Server::start().await;
    let server = whole.with_limits(Limits { file_bytes: 10, ..Limits::default() });
    let (ada, org, _) = server.with_project("ada").await;
    let path = format!("/orgs/{org}/files/upload");
    let too_large = |answer: &Answer| drop(answer.expect_problem(StatusCode::PAYLOAD_TOO_LARGE, "FILE_TOO_LARGE"));
    too_large(&ada.post(&path, json!({"filename": "a.txt", "sizeBytes": 11})).await);
    let announced = announce(&ada, &org, json!({"filename": "a.txt"})).await;
    let id = announced["fileId"].as_str().unwrap();
    let request = || Request::put(path_of(&announced["uploadUrl"])).header(CONTENT_TYPE, "application/octet-stream");
    let says = request().header(CONTENT_LENGTH, "11").body(Body::from("12345678901")).unwrap();
    too_large(&server.call(says).await);
    let pieces = futures_util::stream::iter(["123456", "78901"].map(Ok::<_, std::io::Error>));
    too_large(&server.call(request().body(Body::from_stream(pieces)).unwrap()).await);
    assert_eq!(stored(&server, &org, id).await, None, "nothing of it stays");
    assert_eq!(put(&server, &announced, "1234567890").await.status, StatusCode::OK);
    // As it may come about in S3, which does not know of the limit.
    server.api.blobs.write(&key_of(&org, id), TEXT, "12345678901".into()).await.unwrap();
    too_large(&ada.post(&format!("/files/{id}/confirm"), json!({})).await);
    assert_eq!(stored(&server, &org, id).await, None);
    ada.get(&format!("/files/{id}")).await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
}

#[tokio::test]
async fn only_what_was_announced_is_taken() {
    let server = Server::start().await;
    let (ada, org, _) = server.with_project("ada").await;
    let path = format!("/orgs/{org}/files/upload");
    for wrong in [
        json!({}),
        json!({"filename": ""}),
        json!({"filename": "a\u{0}b"}),
        json!({"filename": "a.txt", "contentType": "text"}),
        json!({"filename": "a.txt", "contentType": "text/plain\r\nx: y"}),
        json!({"filename": "a.txt", "sizeBytes": -1}),
        json!({"filename": "a.txt", "metadata": 1}),
        json!({"filename": "a.txt", "projectId": "x"}),
        json!({"filename": "a.txt", "storageKey": "x"}),
    ] {
        let answer = ada.post(&path, wrong).await;
        answer.expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "VALIDATION_FAILED");
    }
    let announced = announce(&ada, &org, json!({"filename": "../../a.txt", "contentType": TEXT, "sizeBytes": 3})).await;
    assert!(!announced["uploadUrl"].as_str().unwrap().contains("a.txt"), "names are no part of keys");
    for bytes in ["12", "1234", ""] {
        put(&server, &announced, bytes).await.expect_problem(StatusCode::BAD_REQUEST, "INVALID_PARAMETER");
    }
    let other_type = Request::put(path_of(&announced["uploadUrl"])).header(CONTENT_TYPE, "text/html");
    let answer = server.call(other_type.body(Body::from("123")).unwrap()).await;
    answer.expect_problem(StatusCode::FORBIDDEN, "FORBIDDEN");
    assert_eq!(put(&server, &announced, "123").await.status, StatusCode::OK);
}

#[tokio::test]
async fn it_is_told_and_noted_what_happens_to_files() {
    let server = Server::start().await;
    let (ada, org, project) = server.with_project("ada").await;
    let file = json!({"filename": "a.txt", "contentType": TEXT, "projectId": project});
    let id = upload(&server, &ada, &org, file, "a").await;
    announce(&ada, &org, json!({"filename": "never comes.txt"})).await;
    ada.patch(&format!("/files/{id}"), json!({"filename": "b.txt"})).await.expect(StatusCode::OK);
    ada.delete(&format!("/files/{id}")).await.expect(StatusCode::NO_CONTENT);
    let events = ada.get(&format!("/orgs/{org}/events?types=file_uploaded,file_deleted")).await.expect(StatusCode::OK);
    let told: Vec<_> = events["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| (event["type"].clone(), event["projectId"].clone(), event["payload"].clone()))
        .collect();
    let uploaded = json!({"fileId": id, "filename": "a.txt", "contentType": TEXT, "sizeBytes": 1});
    let expected = [
        (json!("file_uploaded"), json!(project), uploaded),
        (json!("file_deleted"), json!(project), json!({"fileId": id, "filename": "b.txt"})),
    ];
    assert_eq!(told, expected);
    let log = ada.get(&format!("/orgs/{org}/audit-log?resourceType=file")).await.expect(StatusCode::OK);
    let noted: Vec<_> = log["items"].as_array().unwrap().iter().map(|entry| entry["action"].clone()).collect();
    assert_eq!(noted, ["file.deleted", "file.updated", "file.uploaded"]);
}
