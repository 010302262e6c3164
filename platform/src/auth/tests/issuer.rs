//! A small OpenID Connect issuer on this machine, with real keys.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use p256::pkcs8::EncodePrivateKey;
use rsa::pkcs1::EncodeRsaPrivateKey;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A key pair of the test.
pub(super) struct SigningKey {
    pub(super) algorithm: Algorithm,
    pub(super) key: EncodingKey,
}

pub(super) static RSA: LazyLock<SigningKey> = LazyLock::new(|| rsa_key(2048));
pub(super) static SMALL_RSA: LazyLock<SigningKey> = LazyLock::new(|| rsa_key(1024));
pub(super) static EC: LazyLock<SigningKey> = LazyLock::new(|| {
    let secret = p256::SecretKey::random(&mut rsa::rand_core::OsRng);
    let key = EncodingKey::from_ec_der(secret.to_pkcs8_der().unwrap().as_bytes());
    SigningKey { algorithm: Algorithm::ES256, key }
});

fn rsa_key(bits: usize) -> SigningKey {
    let private = rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, bits).unwrap();
    let key = EncodingKey::from_rsa_der(private.to_pkcs1_der().unwrap().as_bytes());
    SigningKey { algorithm: Algorithm::RS256, key }
}

impl SigningKey {
    pub(super) fn sign(&self, kid: &str, claims: &Value) -> String {
        let mut header = Header::new(self.algorithm);
        header.kid = Some(kid.to_owned());
        jsonwebtoken::encode(&header, claims, &self.key).unwrap()
    }

    pub(super) fn published(&self, kid: &str) -> Value {
        let mut jwk = Jwk::from_encoding_key(&self.key, self.algorithm).unwrap();
        jwk.common.key_id = Some(kid.to_owned());
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        serde_json::to_value(jwk).unwrap()
    }
}

/// Serves what it is told to, and counts how often it is asked for its keys.
pub(super) struct Issuer {
    pub(super) url: String,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    pages: Mutex<HashMap<String, String>>,
    key_requests: AtomicUsize,
}

impl Issuer {
    pub(super) async fn start(keys: &[Value]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared::default());
        let issuer = Self { url: url.clone(), shared: Arc::clone(&shared) };
        issuer.publish(keys);
        let discovery = json!({ "issuer": url, "jwks_uri": format!("{url}/keys") });
        issuer.serve("/.well-known/openid-configuration", discovery.to_string());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&shared)));
            }
        });
        issuer
    }

    pub(super) fn publish(&self, keys: &[Value]) {
        self.serve("/keys", json!({ "keys": keys }).to_string());
    }

    pub(super) fn serve(&self, path: &str, body: String) {
        self.shared.pages.lock().unwrap().insert(path.to_owned(), body);
    }

    /// From now on, the keys are not found.
    pub(super) fn fail(&self) {
        self.shared.pages.lock().unwrap().remove("/keys");
    }

    pub(super) fn key_requests(&self) -> usize {
        self.shared.key_requests.load(Ordering::SeqCst)
    }
}

async fn answer(mut stream: TcpStream, shared: Arc<Shared>) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => request.push(byte),
            Err(_) => return,
        }
    }
    let path = String::from_utf8(request).unwrap().split(' ').nth(1).unwrap().to_owned();
    if path == "/keys" {
        shared.key_requests.fetch_add(1, Ordering::SeqCst);
    }
    let page = shared.pages.lock().unwrap().get(&path).cloned();
    let (status, body) = page.map_or(("404 Not Found", String::new()), |body| ("200 OK", body));
    let response = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
    // The client may go away as soon as it has read more than it accepts.
    let _ = stream.write_all(response.as_bytes()).await;
}
