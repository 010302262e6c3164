//! What is asked of a server over HTTP.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use serde_json::Value;

const TIMEOUT: Duration = Duration::from_secs(10);

/// The HTTP side of a server in development mode. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    http: reqwest::Client,
    base: String,
}

#[derive(Deserialize)]
struct Issued {
    token: String,
}

impl Api {
    /// The server at this address.
    pub(crate) fn new(address: SocketAddr) -> Result<Self> {
        // Fails only when a provider is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().timeout(TIMEOUT).no_proxy().build()?;
        Ok(Self { http, base: format!("http://{address}") })
    }

    /// A token for the person with this mail address, as development mode gives it to anybody.
    pub(crate) async fn token(&self, email: &str) -> Result<String> {
        let url = format!("{}/api/v1/auth/dev-token", self.base);
        let body = serde_json::json!({ "email": email });
        let answer = self.http.post(url).json(&body).send().await?;
        ensure!(answer.status().is_success(), "no development token: HTTP {}", answer.status());
        let Issued { token } = answer.json().await.context("the answer to a request for a token")?;
        Ok(token)
    }

    /// What the server answers to a request for a path below `/api/v1/`.
    pub(crate) async fn get(&self, token: &str, path: &str) -> Result<serde_json::Value> {
        let answer = self.http.get(format!("{}/api/v1/{path}", self.base)).bearer_auth(token).send().await?;
        ensure!(answer.status().is_success(), "{path}: HTTP {}", answer.status());
        answer.json().await.with_context(|| format!("the answer to a request for {path}"))
    }

    /// What is at an address, for whoever has the token.
    pub(crate) async fn fetch(&self, url: &str, token: &str) -> Result<bytes::Bytes> {
        let answer = self.http.get(url).bearer_auth(token).send().await?;
        ensure!(answer.status().is_success(), "{url}: HTTP {}", answer.status());
        Ok(answer.bytes().await?)
    }

    /// The same, of a path of the REST interface.
    pub(crate) async fn fetch_path(&self, path: &str, token: &str) -> Result<bytes::Bytes> {
        self.fetch(&format!("{}/api/v1{path}", self.base), token).await
    }

    /// What is answered to a question at an address, for whoever has the token.
    pub(crate) async fn ask(&self, url: &str, token: &str, question: &Value) -> Result<bytes::Bytes> {
        let answer = self.http.post(url).bearer_auth(token).json(question).send().await?;
        let status = answer.status();
        let answer = answer.bytes().await?;
        ensure!(status.is_success(), "{url}: HTTP {status}: {}", String::from_utf8_lossy(&answer));
        Ok(answer)
    }

    /// Creates something over the REST interface.
    pub(crate) async fn post(&self, path: &str, token: &str, body: &Value) -> Result<Value> {
        self.send(self.http.post(format!("{}/api/v1{path}", self.base)), token, body).await
    }

    /// Changes something over the REST interface.
    pub(crate) async fn patch(&self, path: &str, token: &str, body: &Value) -> Result<Value> {
        self.send(self.http.patch(format!("{}/api/v1{path}", self.base)), token, body).await
    }

    async fn send(&self, request: reqwest::RequestBuilder, token: &str, body: &Value) -> Result<Value> {
        let answer = request.bearer_auth(token).json(body).send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        ensure!(status.is_success(), "HTTP {status}: {text}");
        Ok(serde_json::from_str(&text)?)
    }

    /// The value of the metric whose name ends like this, summed over its labels; `None` when there is none.
    pub(crate) async fn metric(&self, name: &str) -> Option<f64> {
        let answer = self.http.get(format!("{}/metrics", self.base)).send().await.ok()?;
        sum_of(&answer.text().await.ok()?, name)
    }
}

fn sum_of(metrics: &str, name: &str) -> Option<f64> {
    let values = metrics.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let (series, value) = line.rsplit_once(' ')?;
        let series = series.split_once('{').map_or(series, |(name, _)| name);
        if series.ends_with(name) { value.parse::<f64>().ok() } else { None }
    });
    values.reduce(|sum, value| sum + value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_found_by_the_end_of_its_name_and_summed_over_labels() {
        let metrics = "# TYPE a_open gauge\na_open{k=\"1\"} 2\na_open{k=\"2\"} 3\na_opened 7\n# EOF\n";
        assert_eq!(sum_of(metrics, "_open"), Some(5.0));
        assert_eq!(sum_of(metrics, "closed"), None);
    }
}
