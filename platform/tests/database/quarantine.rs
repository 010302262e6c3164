use bytes::Bytes;
use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use platform::auth::PrincipalRef;
use platform::db::documents::DocumentRef;
use platform::db::quarantine::{self, Expired, Filter, Handled, HandledToo, Keeping, NewEntry, Outcome};
use platform::db::{Page, PageRequest};
use platform::limits::Limits;
use platform::testing::{TestDatabase, some_principal};
use schema::ids::Epoch;
use uuid::Uuid;

fn noon() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 21, 12, 0, 0).unwrap()
}

fn limits() -> Limits {
    Limits { quarantine_updates_per_sender: 3, quarantine_bytes: 1000, ..Limits::default() }
}

fn entry(document: &DocumentRef, sender: PrincipalRef, number: i64) -> NewEntry {
    NewEntry {
        org: document.org,
        document: document.id,
        epoch: Epoch::FIRST,
        update: Bytes::from(number.to_string()),
        sender,
        reason: "it panicked at \0".to_owned(),
        received_at: noon() + TimeDelta::seconds(number),
    }
}

async fn keep(test: &TestDatabase, entry: &NewEntry) -> Keeping {
    quarantine::keep(&test.db, &limits(), entry).await.unwrap()
}

async fn all(test: &TestDatabase, filter: Filter) -> Vec<quarantine::Entry> {
    quarantine::list(&test.db, filter, PageRequest::new(None, None)).await.unwrap().items
}

#[tokio::test]
async fn the_first_of_a_sender_and_day_are_kept_and_the_rest_is_counted() {
    let test = TestDatabase::new().await;
    let document = test.document().await;
    let (ann, ben) = (some_principal(), some_principal());
    for number in 0..10 {
        let expected = if number < 3 { Keeping::Kept } else { Keeping::LeftOut };
        assert_eq!(keep(&test, &entry(&document, ann, number)).await, expected, "{number}");
    }
    assert_eq!(keep(&test, &entry(&document, ben, 20)).await, Keeping::Kept, "another sender");
    let tomorrow = TimeDelta::days(1).num_seconds();
    assert_eq!(keep(&test, &entry(&document, ann, tomorrow)).await, Keeping::Kept, "another day");

    let kept = all(&test, Filter::default()).await;
    let ages: Vec<i64> = kept.iter().map(|it| (it.received_at - noon()).num_seconds()).collect();
    assert_eq!(ages, [tomorrow, 20, 2, 1, 0], "the newest first");
    assert_eq!(kept[4].sender, ann);
    assert_eq!(kept[4].reason, "it panicked at \u{fffd}");
    assert_eq!(kept[4].document, Some(document));
    assert_eq!((kept[4].epoch, kept[4].size_bytes), (Epoch::FIRST, 1));
    assert_eq!(quarantine::count_left_out(&test.db, None, None).await.unwrap(), 7);
    let since = Some(noon() + TimeDelta::days(1));
    assert_eq!(quarantine::count_left_out(&test.db, Some(document.org), since).await.unwrap(), 0);
}

#[tokio::test]
async fn an_organization_has_room_for_so_many_bytes_a_day_whoever_sends_them() {
    let test = TestDatabase::new().await;
    let document = test.document().await;
    let large = |number| NewEntry { update: Bytes::from(vec![7; 400]), ..entry(&document, some_principal(), number) };
    let mut outcomes = Vec::new();
    for number in 0..4 {
        outcomes.push(keep(&test, &large(number)).await);
    }
    assert_eq!(outcomes, [Keeping::Kept, Keeping::Kept, Keeping::LeftOut, Keeping::LeftOut]);
    let elsewhere = test.document().await;
    assert_eq!(keep(&test, &entry(&elsewhere, some_principal(), 1)).await, Keeping::Kept, "another organization");
}

#[tokio::test]
async fn is_listed_by_organization_document_and_time_in_pages() {
    let test = TestDatabase::new().await;
    let (here, there) = (test.document().await, test.document().await);
    for number in 0..5 {
        keep(&test, &entry(if number % 2 == 0 { &here } else { &there }, some_principal(), number)).await;
    }
    let of = |filter| all(&test, filter);
    assert_eq!(of(Filter { org: Some(here.org), ..Filter::default() }).await.len(), 3);
    assert_eq!(of(Filter { document: Some(there.id), ..Filter::default() }).await.len(), 2);
    let since = Some(noon() + TimeDelta::seconds(3));
    assert_eq!(of(Filter { since, ..Filter::default() }).await.len(), 2);

    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page: Page<_> =
            quarantine::list(&test.db, Filter::default(), PageRequest::new(after, Some(2))).await.unwrap();
        seen.extend(page.items.iter().map(|it| (it.received_at - noon()).num_seconds()));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, [4, 3, 2, 1, 0]);
}

#[tokio::test]
async fn what_was_done_is_noted_once_and_nothing_goes() {
    let test = TestDatabase::new().await;
    let document = test.document().await;
    keep(&test, &entry(&document, some_principal(), 1)).await;
    let id = all(&test, Filter::default()).await[0].id;
    let handled = Handled { outcome: Outcome::Discarded, at: noon(), by: "olga".into(), why: "a client's bug".into() };
    assert!(quarantine::handle(&test.db, id, &handled).await.unwrap());
    let again = Handled { outcome: Outcome::Replayed, ..handled.clone() };
    assert!(!quarantine::handle(&test.db, id, &again).await.unwrap(), "somebody was faster");
    assert!(!quarantine::handle(&test.db, Uuid::new_v4(), &again).await.unwrap(), "there is no such update");

    assert!(all(&test, Filter::default()).await.is_empty());
    let with_handled = Filter { handled: HandledToo::Yes, ..Filter::default() };
    assert_eq!(all(&test, with_handled).await[0].handled.as_ref(), Some(&handled));
    let (entry, update) = quarantine::find(&test.db, id).await.unwrap().unwrap();
    assert_eq!((entry.handled, update), (Some(handled), Bytes::from("1")));
}

#[tokio::test]
async fn what_is_old_goes_with_its_counts_and_a_deleted_document_leaves_its_updates() {
    let test = TestDatabase::new().await;
    let document = test.document().await;
    let (ann, week) = (some_principal(), TimeDelta::days(7).num_seconds());
    for number in [0, 1, 2, 3, week] {
        keep(&test, &entry(&document, ann, number)).await;
    }
    let id = all(&test, Filter::default()).await.last().unwrap().id;
    let handled = Handled { outcome: Outcome::Discarded, at: noon(), by: "olga".into(), why: "old".into() };
    quarantine::handle(&test.db, id, &handled).await.unwrap();
    let expired = quarantine::expire(&test.db, noon() + TimeDelta::days(1)).await.unwrap();
    assert_eq!(expired, Expired { updates: 3, unhandled: 2 });
    assert_eq!(quarantine::expire(&test.db, noon() + TimeDelta::days(1)).await.unwrap(), Expired::default());
    assert_eq!(quarantine::count_left_out(&test.db, None, None).await.unwrap(), 0);

    test.sabotage(&format!("UPDATE documents SET deleted_at = now() WHERE id = '{}'", document.id)).await;
    let left = all(&test, Filter::default()).await;
    assert_eq!((left.len(), left[0].document, left[0].document_id), (1, None, document.id));
}
