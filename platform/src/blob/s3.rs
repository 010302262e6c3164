//! Blobs in a bucket of S3.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_config::{BehaviorVersion, Region};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Builder, RequestChecksumCalculation, ResponseChecksumValidation};
use aws_sdk_s3::presigning::{PresignedRequest, PresigningConfig};
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_http_client::tls;
use bytes::{Bytes, BytesMut};

use super::{
    BlobError, BlobKey, BlobMethod, Download, Settled, SignedUrl, Upload, content_disposition, end_of, harmless_type,
};
use crate::clock::Clock;
use crate::config::BucketConfig;

/// Headers that every client sends by itself, and pages must not set.
const OWN_HEADERS: [&str; 2] = ["content-length", "host"];

/// Blobs in a bucket. Cheap to clone.
#[derive(Clone)]
pub struct S3Store {
    client: Client,
    bucket: Arc<str>,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for S3Store {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("S3Store").field("bucket", &self.bucket).finish_non_exhaustive()
    }
}

impl S3Store {
    pub(super) async fn new(config: &BucketConfig, clock: &Arc<dyn Clock>) -> Result<Self, BlobError> {
        let client = Self::client(config).await?;
        Ok(Self { client, bucket: config.name.as_str().into(), clock: Arc::clone(clock) })
    }

    pub(crate) async fn client(config: &BucketConfig) -> Result<Client, BlobError> {
        let tls = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);
        let http = aws_smithy_http_client::Builder::new().tls_provider(tls).build_https();
        // A checksum by default would be a header that whoever uploads has to send, and that browsers cannot compute.
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http)
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
        if let Some(region) = &config.region {
            loader = loader.region(Region::new(region.clone()));
        }
        if let Some(endpoint) = &config.endpoint {
            loader = loader.endpoint_url(endpoint);
        }
        let found = loader.load().await;
        if found.region().is_none() {
            let words = "the region of the bucket is not known: set files.region, or AWS_REGION";
            return Err(BlobError::Refused(words.to_owned()));
        }
        // What is not AWS has no name for every bucket.
        let path_style = config.endpoint.is_some();
        Ok(Client::from_conf(Builder::from(&found).force_path_style(path_style).build()))
    }

    pub(super) async fn look(&self) -> Result<(), BlobError> {
        let found = self.client.head_bucket().bucket(&*self.bucket).send().await;
        match found.map_err(BlobError::from) {
            Ok(_) => Ok(()),
            Err(BlobError::NotFound) => Err(BlobError::Refused(format!("there is no bucket {}", self.bucket))),
            Err(error) => Err(error),
        }
    }

    /// As it is in addresses that are given out.
    pub(super) async fn origin(&self) -> Option<String> {
        let asked = self.client.get_object().bucket(&*self.bucket).key("origin");
        let signed = asked.presigned(self.presigning(Duration::from_secs(1)).ok()?).await.ok()?;
        Some(url::Url::parse(signed.uri()).ok()?.origin().ascii_serialization())
    }

    pub(super) async fn upload_url(
        &self,
        key: &BlobKey,
        upload: &Upload,
        valid: Duration,
    ) -> Result<SignedUrl, BlobError> {
        let Upload { content_type, size } = upload;
        let mut asked = self.client.put_object().bucket(&*self.bucket).key(key.as_str()).content_type(content_type);
        if let Some(size) = size {
            asked = asked.content_length(i64::try_from(*size).unwrap_or(i64::MAX));
        }
        let signed = asked.presigned(self.presigning(valid)?).await?;
        Ok(self.signed(BlobMethod::Put, &signed, valid))
    }

    pub(super) async fn download_url(
        &self,
        key: &BlobKey,
        download: &Download,
        valid: Duration,
    ) -> Result<SignedUrl, BlobError> {
        let asked = self.client.get_object().bucket(&*self.bucket).key(key.as_str());
        let asked = asked
            .response_content_disposition(content_disposition(&download.filename))
            .response_content_type(harmless_type(&download.content_type));
        let signed = asked.presigned(self.presigning(valid)?).await?;
        Ok(self.signed(BlobMethod::Get, &signed, valid))
    }

    fn presigning(&self, valid: Duration) -> Result<PresigningConfig, BlobError> {
        let starts = SystemTime::from(self.clock.now());
        let config = PresigningConfig::builder().start_time(starts).expires_in(valid).build();
        config.map_err(|error| BlobError::Refused(error.to_string()))
    }

    fn signed(&self, method: BlobMethod, request: &PresignedRequest, valid: Duration) -> SignedUrl {
        let needed = request.headers().filter(|(name, _)| !OWN_HEADERS.contains(&name.to_ascii_lowercase().as_str()));
        let headers = needed.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        SignedUrl { method, url: request.uri().to_owned(), headers, expires_at: end_of(self.clock.now(), valid) }
    }

    pub(super) async fn size(&self, key: &BlobKey) -> Result<Option<u64>, BlobError> {
        let found = self.client.head_object().bucket(&*self.bucket).key(key.as_str()).send().await;
        match found.map_err(BlobError::from) {
            Ok(found) => Ok(Some(found.content_length().and_then(|size| u64::try_from(size).ok()).unwrap_or_default())),
            Err(BlobError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn settle(&self, key: &BlobKey, settled: BlobKey, max_bytes: u64) -> Result<Settled, BlobError> {
        let found = self.client.head_object().bucket(&*self.bucket).key(key.as_str()).send().await?;
        let size = found.content_length().and_then(|size| u64::try_from(size).ok()).unwrap_or_default();
        if size > max_bytes {
            return Err(BlobError::TooLarge { max_bytes });
        }
        // Of what was looked at, not of what may have come since.
        let copied = self.client.copy_object().copy_source(format!("{}/{key}", self.bucket));
        let copied = copied.set_copy_source_if_match(found.e_tag().map(str::to_owned));
        copied.bucket(&*self.bucket).key(settled.as_str()).send().await?;
        Ok(Settled { key: settled, size })
    }

    pub(super) async fn read(&self, key: &BlobKey, max_bytes: u64) -> Result<Bytes, BlobError> {
        let mut found = self.client.get_object().bucket(&*self.bucket).key(key.as_str()).send().await?;
        let size = found.content_length().and_then(|size| u64::try_from(size).ok()).unwrap_or_default();
        if size > max_bytes {
            return Err(BlobError::TooLarge { max_bytes });
        }
        let mut bytes = BytesMut::with_capacity(usize::try_from(size).unwrap_or_default());
        while let Some(next) = found.body.next().await {
            bytes.extend_from_slice(&next.map_err(|error| BlobError::Unavailable(error.to_string()))?);
            if bytes.len() as u64 > max_bytes {
                return Err(BlobError::TooLarge { max_bytes });
            }
        }
        Ok(bytes.freeze())
    }

    pub(super) async fn write(&self, key: &BlobKey, content_type: &str, bytes: Bytes) -> Result<(), BlobError> {
        let asked = self.client.put_object().bucket(&*self.bucket).key(key.as_str()).content_type(content_type);
        asked.body(ByteStream::from(bytes)).send().await?;
        Ok(())
    }

    pub(super) async fn delete(&self, key: &BlobKey) -> Result<(), BlobError> {
        let deleted = self.client.delete_object().bucket(&*self.bucket).key(key.as_str()).send().await;
        match deleted.map_err(BlobError::from) {
            Ok(_) | Err(BlobError::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
