//! To which request an idempotency key belongs.

use chrono::{TimeDelta, Utc};
use platform::db::idempotency::{Claim, KEPT_FOR, claim};
use platform::testing::TestDatabase;
use uuid::Uuid;

#[tokio::test]
async fn a_key_belongs_to_what_was_asked_first_until_it_is_forgotten() {
    let test = TestDatabase::new().await;
    let ada = test.user("ada").await.id;
    let [key, other] = [1, 2].map(Uuid::from_u128);
    let now = Utc::now();
    let ask = async |key, asked: &str, at| claim(&test.db, ada, key, asked.as_bytes(), at).await.unwrap();
    assert_eq!(ask(key, "one", now).await, Claim::This);
    assert_eq!(ask(key, "two", now).await, Claim::Another);
    assert_eq!(ask(key, "one", now).await, Claim::This);
    assert_eq!(ask(other, "two", now).await, Claim::This);
    // To be used again makes no key younger.
    let almost = now + KEPT_FOR - TimeDelta::seconds(1);
    assert_eq!(ask(key, "two", almost).await, Claim::Another);
    let later = now + KEPT_FOR + TimeDelta::seconds(1);
    assert_eq!(ask(other, "three", later).await, Claim::This);
    assert_eq!(ask(key, "two", later).await, Claim::This);
    assert_eq!(ask(key, "one", later).await, Claim::Another);
}

#[tokio::test]
async fn of_requests_that_come_together_one_gets_the_key() {
    let test = TestDatabase::new().await;
    let ada = test.user("ada").await.id;
    let now = Utc::now();
    for number in 0..5 {
        let key = Uuid::from_u128(number);
        let ask = |asked: &'static str| claim(&test.db, ada, key, asked.as_bytes(), now);
        let (one, same, another) = tokio::join!(ask("one"), ask("one"), ask("another"));
        let [one, same, another] = [one, same, another].map(Result::unwrap);
        assert_eq!(one, same);
        assert_ne!(one, another);
    }
}
