//! Deliveries to a real HTTP server in the test's process.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};
use platform::clock::{Clock, SystemClock};
use platform::config::{Config, Mode, Secret};
use platform::db::audit::{self, Action, Actor, AuditSort, Filter};
use platform::db::events::{self, EventKind, NewEvent};
use platform::db::webhooks::{self, Delivery, DeliveryState, NewWebhook, WebhookChanges};
use platform::db::{Db, DbError, PageRequest};
use platform::lifecycle::Lifecycle;
use platform::limits::Limits;
use platform::metrics::Metrics;
use platform::random::Random;
use platform::testing::TestDatabase;
use platform::webhooks::{Deliverer, Networks, signature};
use schema::ids::{DeliveryId, OrgId, UserId, WebhookId};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_secs(30);
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A message that came.
#[derive(Debug, Clone)]
struct Message {
    headers: Vec<(String, String)>,
    body: String,
}

impl Message {
    fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(of, _)| of == name).map(|(_, value)| value.as_str()).unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// A server that answers with what it is told to, 200 when it is told nothing.
#[derive(Clone)]
struct Receiver {
    address: SocketAddr,
    got: Arc<Mutex<Vec<Message>>>,
    answers: Arc<Mutex<VecDeque<&'static str>>>,
    noted: Arc<Notify>,
    at_once: Arc<Mutex<(usize, usize)>>,
    delay: Duration,
}

impl Receiver {
    async fn start(delay: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Self {
            address: listener.local_addr().unwrap(),
            got: Arc::default(),
            answers: Arc::default(),
            noted: Arc::default(),
            at_once: Arc::default(),
            delay,
        };
        let accepting = receiver.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let serving = accepting.clone();
                tokio::spawn(async move { serving.serve(stream).await });
            }
        });
        receiver
    }

    async fn serve(&self, mut stream: TcpStream) -> Option<()> {
        let mut bytes = Vec::new();
        loop {
            let (head, length) = loop {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                if let Some((head, _)) = text.split_once("\r\n\r\n") {
                    let head = head.to_owned();
                    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())?;
                    break (head, length);
                }
                if stream.read_buf(&mut bytes).await.ok()? == 0 {
                    return None;
                }
            };
            let start = head.len() + 4;
            let length: usize = length;
            while bytes.len() < start + length {
                stream.read_buf(&mut bytes).await.ok()?;
            }
            let body = String::from_utf8(bytes[start..start + length].to_vec()).unwrap();
            bytes.drain(..start + length);
            {
                let mut at_once = self.at_once.lock().unwrap();
                at_once.0 += 1;
                at_once.1 = at_once.1.max(at_once.0);
            }
            sleep(self.delay).await;
            self.at_once.lock().unwrap().0 -= 1;
            let headers = head.lines().skip(1).filter_map(|line| line.split_once(": "));
            let headers = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
            self.got.lock().unwrap().push(Message { headers, body });
            self.noted.notify_one();
            let answer = self.answers.lock().unwrap().pop_front().unwrap_or("200 OK\r\ncontent-length: 2\r\n\r\nok");
            stream.write_all(format!("HTTP/1.1 {answer}").as_bytes()).await.ok()?;
        }
    }

    fn answer(&self, answer: &'static str) {
        self.answers.lock().unwrap().push_back(answer);
    }

    async fn wait_for(&self, count: usize) -> Vec<Message> {
        let wait = async {
            loop {
                let got = self.got.lock().unwrap().clone();
                if got.len() >= count {
                    return got;
                }
                self.noted.notified().await;
            }
        };
        timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("{} of {count} came", self.got.lock().unwrap().len()))
    }
}

struct Setting {
    test: TestDatabase,
    owner: UserId,
    org: OrgId,
    lifecycle: Lifecycle,
    metrics: Metrics,
}

impl Setting {
    async fn new() -> Self {
        let test = TestDatabase::new().await;
        let owner = test.user("ada").await.id;
        let org = test.org(owner).await;
        Self { test, owner, org, lifecycle: Lifecycle::new(), metrics: Metrics::new() }
    }

    fn deliver(&self, db: &Db, networks: Networks) {
        let limits = Limits { webhook_retry_first_seconds: 1, webhook_timeout_seconds: 2, ..Config::default().limits };
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let random = Random::from_os();
        let deliverer = Deliverer::new(db, &clock, &random, &limits, Mode::Development, networks, &self.metrics);
        deliverer.unwrap().start(&self.lifecycle);
    }

    /// Waits until a metric has this value.
    async fn until_metric(&self, sample: &str) {
        let line = format!("\nglassbox_webhooks_{sample}\n");
        let wait = async {
            while !self.metrics.encode().contains(&line) {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("no {sample} in {}", self.metrics.encode()));
    }

    /// Waits until it is noted since when a webhook fails, or forgotten: that is when a round ends, after its deliveries.
    async fn until_failing(&self, webhook: WebhookId, is_expected: impl Fn(Option<DateTime<Utc>>) -> bool) {
        let wait = async {
            loop {
                let found = webhooks::find(&self.test.db, self.org, webhook).await.unwrap().unwrap();
                if is_expected(found.failing_since) {
                    return;
                }
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, wait).await.expect("what came of the round is noted");
    }

    async fn webhook(&self, url: String, kinds: &[EventKind]) -> WebhookId {
        let new = NewWebhook {
            id: WebhookId::new(Uuid::new_v4()),
            url,
            description: String::new(),
            kinds: kinds.to_vec(),
            active: true,
            secret: Secret::new(SECRET),
        };
        webhooks::create(&self.test.db, self.org, &Actor::SYSTEM, &new, 20).await.unwrap().0.id
    }

    async fn happen(&self, kind: EventKind, number: u64) {
        let mut tx = self.test.db.org(self.org).await.unwrap();
        events::append(&mut tx, NewEvent::new(kind, json!({"number": number})));
        tx.commit().await.unwrap();
    }

    async fn log(&self, webhook: WebhookId) -> Vec<Delivery> {
        let page = PageRequest::new(None, None);
        webhooks::deliveries(&self.test.db, self.org, webhook, None, page).await.unwrap().items
    }

    /// Waits until the log is as expected.
    async fn until(&self, webhook: WebhookId, is_expected: impl Fn(&[Delivery]) -> bool) -> Vec<Delivery> {
        let wait = async {
            loop {
                let log = self.log(webhook).await;
                if is_expected(&log) {
                    return log;
                }
                sleep(Duration::from_millis(20)).await;
            }
        };
        match timeout(PATIENCE, wait).await {
            Ok(log) => log,
            Err(elapsed) => panic!("{elapsed}: {:#?}", self.log(webhook).await),
        }
    }
}

fn url(receiver: &Receiver) -> String {
    format!("http://{}/hooks?a=b", receiver.address)
}

#[tokio::test]
async fn an_event_is_delivered_signed_and_once_to_those_who_want_its_type() {
    let setting = Setting::new().await;
    let (all, some) = (Receiver::start(Duration::ZERO).await, Receiver::start(Duration::ZERO).await);
    setting.deliver(&setting.test.db, Networks::All);
    let to_all = setting.webhook(url(&all), &[]).await;
    setting.webhook(url(&some), &[EventKind::MemberRemoved]).await;
    setting.happen(EventKind::OrganizationUpdated, 1).await;
    setting.happen(EventKind::NodeMoved, 2).await;
    setting.happen(EventKind::MemberRemoved, 3).await;
    let mut tx = setting.test.db.org(setting.org).await.unwrap();
    events::append(&mut tx, NewEvent::new(EventKind::Notification, json!({})).only_for(setting.owner));
    tx.commit().await.unwrap();
    let (of_all, of_some) = (all.wait_for(2).await, some.wait_for(1).await);
    let types = |messages: &[Message]| {
        messages.iter().map(|message| message.json()["type"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(types(&of_all), ["organization_updated", "member_removed"], "in order, without moves and private ones");
    assert_eq!(types(&of_some), ["member_removed"]);
    let message = &of_all[0];
    let body = message.json();
    assert_eq!((&body["data"]["payload"]["number"], &body["data"]["id"]), (&json!(1), &json!("1")));
    assert_eq!(body["timestamp"], body["data"]["at"]);
    assert_eq!(body["data"]["organizationId"], json!(setting.org));
    let (id, at) = (message.header("webhook-id"), message.header("webhook-timestamp").parse().unwrap());
    let expected = signature::sign(&[Secret::new(SECRET)], id, at, &message.body);
    assert_eq!(message.header("webhook-signature"), expected);
    assert!(message.header("content-type").starts_with("application/json"));
    let log = setting.until(to_all, |log| log.iter().all(|it| it.state == DeliveryState::Delivered)).await;
    assert_eq!(log.len(), 2);
    assert_eq!((log[0].attempts, log[0].status, log[0].answer.as_deref()), (1, Some(200), Some("ok")));
    assert_eq!(all.got.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn what_fails_is_tried_again_under_the_same_id_and_redirects_are_not_followed() {
    let setting = Setting::new().await;
    let receiver = Receiver::start(Duration::ZERO).await;
    receiver.answer("500 No\r\ncontent-length: 4\r\n\r\nbusy");
    receiver.answer("302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n");
    setting.deliver(&setting.test.db, Networks::All);
    let webhook = setting.webhook(url(&receiver), &[]).await;
    setting.happen(EventKind::OrganizationUpdated, 1).await;
    let failed = setting.until(webhook, |log| log.first().is_some_and(|it| it.attempts == 1)).await;
    assert_eq!((failed[0].state, failed[0].status), (DeliveryState::Pending, Some(500)));
    assert_eq!((failed[0].answer.as_deref(), failed[0].due_at > failed[0].created_at), (Some("busy"), true));
    setting.until_failing(webhook, |since| since.is_some()).await;
    let messages = receiver.wait_for(3).await;
    let ids: Vec<_> = messages.iter().map(|message| message.header("webhook-id")).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    let log = setting.until(webhook, |log| log[0].state == DeliveryState::Delivered).await;
    assert_eq!(log[0].attempts, 3);
    setting.until_failing(webhook, |since| since.is_none()).await;
    for sample in [
        r#"attempts_total{outcome="Refused"} 2"#,
        r#"attempts_total{outcome="Taken"} 1"#,
        r#"attempts_total{outcome="Unanswered"} 0"#,
        "attempt_seconds_count 3",
    ] {
        setting.until_metric(sample).await;
    }
}

#[tokio::test]
async fn operators_see_how_much_waits() {
    let setting = Setting::new().await;
    let webhook = setting.webhook("http://127.0.0.1:1/".to_owned(), &[]).await;
    for number in 1..=3 {
        setting.happen(EventKind::OrganizationUpdated, number).await;
    }
    setting.test.sabotage("UPDATE webhooks SET failures = 1, retry_at = now() + interval '1 hour'").await;
    setting.deliver(&setting.test.db, Networks::All);
    setting.until_metric("pending 3").await;
    setting.until_metric("failing 1").await;
    assert_eq!(setting.log(webhook).await.len(), 3);
}

#[tokio::test]
async fn several_instances_never_tell_a_webhook_at_the_same_time_nor_the_same_twice() {
    const EVENTS: u64 = 40;
    let setting = Setting::new().await;
    let receiver = Receiver::start(Duration::from_millis(5)).await;
    let (one, two) = (setting.test.another_instance().await, setting.test.another_instance().await);
    for db in [&setting.test.db, &one, &two] {
        setting.deliver(db, Networks::All);
    }
    let webhook = setting.webhook(url(&receiver), &[]).await;
    for number in 0..EVENTS {
        setting.happen(EventKind::OrganizationUpdated, number).await;
    }
    setting.until(webhook, |log| log.len() == 40 && log.iter().all(|it| it.state == DeliveryState::Delivered)).await;
    let numbers: Vec<u64> = receiver
        .wait_for(40)
        .await
        .iter()
        .map(|message| message.json()["data"]["payload"]["number"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, (0..EVENTS).collect::<Vec<_>>());
    assert_eq!(receiver.at_once.lock().unwrap().1, 1);
}

#[tokio::test]
async fn a_worker_that_lost_its_lease_notes_nothing_and_the_message_comes_again() {
    let setting = Setting::new().await;
    let receiver = Receiver::start(Duration::from_millis(700)).await;
    setting.deliver(&setting.test.db, Networks::All);
    let webhook = setting.webhook(url(&receiver), &[]).await;
    setting.happen(EventKind::OrganizationUpdated, 1).await;
    let in_hand = async {
        while receiver.at_once.lock().unwrap().0 == 0 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, in_hand).await.unwrap();
    // As if the worker had been away for so long that another one took over.
    setting.test.sabotage("UPDATE webhooks SET lease = NULL, leased_until = NULL").await;
    let log = setting.until(webhook, |log| log[0].state == DeliveryState::Delivered).await;
    assert_eq!((log[0].attempts, receiver.wait_for(2).await.len()), (1, 2));
}

#[tokio::test]
async fn private_addresses_are_refused_when_it_comes_to_sending_unless_configured() {
    let setting = Setting::new().await;
    let receiver = Receiver::start(Duration::ZERO).await;
    setting.deliver(&setting.test.db, Networks::Public);
    let port = receiver.address.port();
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"] {
        let webhook = setting.webhook(format!("http://{host}:{port}/"), &[]).await;
        webhooks::ping(&setting.test.db, setting.org, webhook, DeliveryId::new(Uuid::new_v4()), chrono::Utc::now())
            .await
            .unwrap()
            .unwrap();
        let log = setting.until(webhook, |log| log[0].attempts > 0).await;
        assert_eq!(
            (log[0].status, log[0].error.as_deref()),
            (None, Some("must not lead to a private network")),
            "{host}"
        );
    }
    assert!(receiver.got.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_webhook_to_which_nothing_gets_through_for_days_is_made_inactive_and_that_is_audited() {
    let setting = Setting::new().await;
    let receiver = Receiver::start(Duration::ZERO).await;
    for _ in 0..2 {
        receiver.answer("503 No\r\ncontent-length: 0\r\n\r\n");
    }
    let webhook = setting.webhook(url(&receiver), &[]).await;
    let days = "UPDATE webhooks SET failing_since = now() - interval '6 days', failures = 1";
    setting.test.sabotage(days).await;
    setting.deliver(&setting.test.db, Networks::All);
    setting.happen(EventKind::OrganizationUpdated, 1).await;
    let wait = async {
        loop {
            let found = webhooks::find(&setting.test.db, setting.org, webhook).await.unwrap().unwrap();
            if !found.active {
                return found;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    let found = timeout(PATIENCE, wait).await.unwrap();
    assert!(found.disabled_why.is_some());
    setting.until_metric("disabled_total 1").await;
    let filter = Filter { action: Some(Action::WebhookDisabled), ..Filter::default() };
    let entries =
        audit::list(&setting.test.db, setting.org, &filter, PageRequest::sorted(AuditSort::NEWEST_FIRST, None, None))
            .await
            .unwrap()
            .items;
    assert_eq!((entries.len(), entries[0].resource_id), (1, Some(webhook.as_uuid())));
    setting.happen(EventKind::OrganizationUpdated, 2).await;
    assert_eq!(setting.log(webhook).await.len(), 1, "nothing is kept for an inactive one");
    let changes = WebhookChanges { active: Some(true), ..WebhookChanges::default() };
    let active =
        webhooks::update(&setting.test.db, setting.org, &Actor::SYSTEM, webhook, |_| Ok::<_, DbError>(changes));
    let active = active.await.unwrap().unwrap();
    assert_eq!((active.active, active.disabled_why, active.failing_since), (true, None, None));
}

#[tokio::test]
async fn a_webhook_that_is_gone_is_made_inactive_at_once() {
    let setting = Setting::new().await;
    let receiver = Receiver::start(Duration::ZERO).await;
    receiver.answer("410 Gone\r\ncontent-length: 0\r\n\r\n");
    setting.deliver(&setting.test.db, Networks::All);
    let webhook = setting.webhook(url(&receiver), &[]).await;
    setting.happen(EventKind::OrganizationUpdated, 1).await;
    let wait = async {
        while webhooks::find(&setting.test.db, setting.org, webhook).await.unwrap().unwrap().active {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, wait).await.unwrap();
}

#[tokio::test]
async fn a_secret_that_is_replaced_signs_for_a_while_still_and_a_message_can_be_sent_again() {
    let setting = Setting::new().await;
    let receiver = Receiver::start(Duration::ZERO).await;
    setting.deliver(&setting.test.db, Networks::All);
    let webhook = setting.webhook(url(&receiver), &[]).await;
    let new = signature::new_secret(&Random::from_seed(7));
    assert!(webhooks::rotate(&setting.test.db, setting.org, &Actor::SYSTEM, webhook, &new).await.unwrap());
    setting.happen(EventKind::OrganizationUpdated, 1).await;
    let message = receiver.wait_for(1).await.remove(0);
    let (id, at) = (message.header("webhook-id").to_owned(), message.header("webhook-timestamp").parse().unwrap());
    let expected = signature::sign(&[new, Secret::new(SECRET)], &id, at, &message.body);
    assert_eq!((message.header("webhook-signature"), expected.split(' ').count()), (expected.as_str(), 2));
    let log = setting.until(webhook, |log| log[0].state == DeliveryState::Delivered).await;
    webhooks::redeliver(&setting.test.db, setting.org, webhook, log[0].id, DeliveryId::new(Uuid::new_v4()))
        .await
        .unwrap()
        .unwrap();
    let again = receiver.wait_for(2).await.remove(1);
    assert_eq!((again.header("webhook-id"), &again.body), (id.as_str(), &message.body));
    assert_eq!(setting.log(webhook).await.len(), 2);
}
