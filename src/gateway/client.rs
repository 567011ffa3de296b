//! The daemon's own [`Gateway`]: gRPC over one HTTP/2 connection, which nothing can open again.

use std::{
    collections::BTreeMap,
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response, Uri};
use hyper::{
    body::Incoming,
    client::conn::http2::{Builder, SendRequest},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::{Message, bytes::Bytes};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::watch,
    time::timeout,
};
use tonic::{Code, body::Body};
use tower::Service;

use crate::{
    gateway::{
        Gateway,
        capabilities::{self as caps, Capabilities},
        error::{Error, Result},
        request::{
            ResolvedImage, ResolvedSource, SolveRequest, SolveResult, SourceRequest, Warning,
        },
        stdio::stdio,
    },
    llb::for_the_wire,
    proto::{
        Stat,
        frontend::{self, FileRange, Ref, llb_bridge_client::LlbBridgeClient},
        pb,
    },
};

/// BuildKit's own limit on a message.
const MESSAGE_LIMIT: usize = 16 << 20;

/// How many characters are left of the sentence of an error that is too large to be sent.
const LONGEST_SENTENCE: usize = 64 << 10;

/// An error carries the whole Dockerfile and more in a header. hyper's 16 KiB would lose it, and from
/// some size on the connection with it.
const HEADER_LIMIT: u32 = 16 << 20;

/// What the daemon allows a stream and a frame.
const WINDOW: u32 = 1 << 20;

/// How long the daemon may take to answer the first call. Later ones may take as long as a build.
const PATIENCE: Duration = Duration::from_secs(15);

/// How long after a broken call the end of the connection may be seen.
const AFTERMATH: Duration = Duration::from_millis(500);

/// The daemon at the other end of a connection. Clones share it, and their calls run side by side.
#[derive(Clone)]
pub struct Client {
    bridge: LlbBridgeClient<Channel>,
    capabilities: Arc<Capabilities>,
    /// Closed when the connection is.
    connection: watch::Receiver<()>,
}

/// Why there is no daemon to talk to.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nobody is at the other end.
    #[error(
        "{0}: this program is started by BuildKit, for a Dockerfile that begins with `# syntax=`"
    )]
    Stdio(#[from] io::Error),
    /// Somebody is, but speaks no HTTP/2.
    #[error("BuildKit does not answer: {0}")]
    Handshake(#[from] hyper::Error),
}

impl Client {
    /// The daemon that started this process, which is assumed to be able to do so much. The runtime needs its I/O and its timer.
    pub async fn from_stdio(assumed: Capabilities) -> std::result::Result<Self, ConnectError> {
        Self::connect(stdio()?, assumed).await
    }

    /// The daemon at the other end of any stream of bytes, which is assumed to be able to do so much.
    pub async fn connect<S>(
        stream: S,
        assumed: Capabilities,
    ) -> std::result::Result<Self, ConnectError>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (sender, driver) = Builder::new(TokioExecutor::new())
            .max_header_list_size(HEADER_LIMIT)
            .max_frame_size(WINDOW)
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .handshake(TokioIo::new(stream))
            .await?;
        let (open, connection) = watch::channel(());
        tokio::spawn(async move {
            // However it ends, the calls that wait for it learn more than this does.
            let _ = driver.await;
            drop(open);
        });

        let origin = Uri::from_static("http://localhost");
        let bridge = LlbBridgeClient::with_origin(Channel(sender), origin)
            .max_decoding_message_size(MESSAGE_LIMIT)
            .max_encoding_message_size(MESSAGE_LIMIT);
        Ok(Self {
            bridge,
            capabilities: Arc::new(assumed),
            connection,
        })
    }

    /// Asks the daemon what it can do, and gives a client that knows.
    pub async fn informed(&self) -> Result<Self> {
        let mut bridge = self.bridge.clone();
        let pong = self.call(bridge.ping(frontend::PingRequest {}));
        let late = Error {
            code: Code::DeadlineExceeded,
            ..Error::new("no answer within 15 seconds")
        };
        let pong = timeout(PATIENCE, pong).await.unwrap_or(Err(late));
        let pong = pong.map_err(|error| error.context("BuildKit does not answer"))?;
        let client = Self {
            capabilities: Arc::new(pong.into()),
            ..self.clone()
        };
        match client.can(caps::RETURN) {
            true => Ok(client),
            // A daemon from before 2019 takes results in a way of its own.
            false => Err(Error::new("this frontend needs BuildKit 0.4 or later")),
        }
    }

    /// Ends the build with a result.
    pub async fn return_result(&self, result: SolveResult) -> Result<()> {
        if let super::Refs::ByPlatform(refs) = &result.refs
            && refs.len() > 1
        {
            self.capabilities.frontend.check(caps::RETURN_MAP)?;
        }
        let result = result.into_message(self.can(caps::REF_ARRAY));
        let request = frontend::ReturnRequest {
            result: Some(result),
            error: None,
        };
        match check_size(&request) {
            Ok(()) => self.end(request).await,
            Err(error) => self.return_error(&error).await,
        }
    }

    /// Ends the build with a refusal. Details of the daemon's go back as they came.
    ///
    /// One that shows megabytes of a file, or of what became of it, shows their beginning.
    pub async fn return_error(&self, error: &Error) -> Result<()> {
        let mut request = frontend::ReturnRequest {
            result: None,
            error: Some(error.to_status()),
        };
        if check_size(&request).is_err()
            && let Some(status) = &mut request.error
        {
            status.details.clear();
            status.message = status.message.chars().take(LONGEST_SENTENCE).collect();
        }
        self.end(request).await
    }

    async fn end(&self, request: frontend::ReturnRequest) -> Result<()> {
        let mut bridge = self.bridge.clone();
        self.call(bridge.r#return(request)).await.map(drop)
    }

    /// Waits until the daemon has gone: the build is cancelled, and nobody takes its result.
    pub async fn closed(&self) {
        let mut connection = self.connection.clone();
        while connection.changed().await.is_ok() {}
    }

    fn can(&self, capability: &str) -> bool {
        self.capabilities.frontend.supports(capability)
    }

    /// Waits for an answer, as long as the connection lasts.
    async fn call<T>(
        &self,
        answer: impl Future<Output = std::result::Result<tonic::Response<T>, tonic::Status>>,
    ) -> Result<T> {
        let status = tokio::select! {
            biased;
            answer = answer => match answer {
                Ok(response) => return Ok(response.into_inner()),
                Err(status) => status,
            },
            () = self.closed() => return Err(Error::cancelled()),
        };
        // What the daemon says has no source; what has one broke on the way. Often because the
        // daemon has gone, which then shows at once.
        let broke = std::error::Error::source(&status).is_some();
        let patience = if broke { AFTERMATH } else { Duration::ZERO };
        match timeout(patience, self.closed()).await {
            Ok(()) => Err(Error::cancelled()),
            Err(_) => Err(status.into()),
        }
    }
}

impl Gateway for Client {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn solve(&self, request: SolveRequest) -> Result<SolveResult> {
        if let Some(definition) = &request.definition {
            for metadata in definition.metadata.values() {
                for capability in metadata.caps.keys() {
                    self.capabilities.llb.check(capability)?;
                }
            }
        }
        let evaluates = self.can(caps::SOLVE_EVALUATE);
        let evaluate = request.evaluate;
        let request = frontend::SolveRequest {
            definition: request.definition.map(for_the_wire),
            frontend: request.frontend,
            frontend_opt: request.options,
            allow_result_return: true,
            allow_result_array_ref: true,
            cache_imports: request
                .cache_imports
                .into_iter()
                .map(|import| frontend::CacheOptionsEntry {
                    r#type: import.kind,
                    attrs: import.attrs,
                })
                .collect(),
            frontend_inputs: request
                .inputs
                .into_iter()
                .map(|(name, input)| (name, kept_in_a_map(input)))
                .collect(),
            evaluate: evaluate && evaluates,
        };
        check_size(&request)?;
        let mut bridge = self.bridge.clone();
        let response = self.call(bridge.solve(request)).await?;
        let result = SolveResult::from_response(response);
        if evaluate && !evaluates {
            for reference in result.references() {
                self.stat_file(reference, ".").await?;
            }
        }
        Ok(result)
    }

    async fn evaluate(&self, reference: &Ref) -> Result<()> {
        if !self.can(caps::EVALUATE) {
            // To look into a result, an older daemon has to make it.
            return self.stat_file(reference, ".").await.map(drop);
        }
        let request = frontend::EvaluateRequest {
            r#ref: reference.id.clone(),
        };
        let mut bridge = self.bridge.clone();
        self.call(bridge.evaluate(request)).await.map(drop)
    }

    async fn read_file(
        &self,
        reference: &Ref,
        path: &str,
        range: Option<FileRange>,
    ) -> Result<Bytes> {
        let request = frontend::ReadFileRequest {
            r#ref: reference.id.clone(),
            file_path: path.to_owned(),
            range,
        };
        let mut bridge = self.bridge.clone();
        Ok(self.call(bridge.read_file(request)).await?.data)
    }

    async fn read_dir(&self, reference: &Ref, path: &str, pattern: &str) -> Result<Vec<Stat>> {
        self.capabilities.frontend.check(caps::READ_DIR)?;
        let request = frontend::ReadDirRequest {
            r#ref: reference.id.clone(),
            dir_path: path.to_owned(),
            include_pattern: pattern.to_owned(),
        };
        let mut bridge = self.bridge.clone();
        Ok(self.call(bridge.read_dir(request)).await?.entries)
    }

    async fn stat_file(&self, reference: &Ref, path: &str) -> Result<Stat> {
        self.capabilities.frontend.check(caps::STAT_FILE)?;
        let request = frontend::StatFileRequest {
            r#ref: reference.id.clone(),
            path: path.to_owned(),
        };
        let mut bridge = self.bridge.clone();
        let response = self.call(bridge.stat_file(request)).await?;
        Ok(response.stat.unwrap_or_default())
    }

    async fn resolve_source(&self, request: SourceRequest) -> Result<ResolvedSource> {
        if !self.can(caps::SOURCE_META_RESOLVER) {
            return self.resolve_image_config(request).await;
        }
        let image = request
            .is_image()
            .then_some(frontend::ResolveSourceImageRequest {
                no_config: request.no_config,
            });
        let git = request
            .git_objects
            .then_some(frontend::ResolveSourceGitRequest {
                return_object: true,
            });
        let request = frontend::ResolveSourceMetaRequest {
            source: Some(request.source),
            platform: request.platform,
            log_name: request.log_name,
            resolve_mode: request.resolve_mode,
            git,
            image,
        };
        let mut bridge = self.bridge.clone();
        let response = self.call(bridge.resolve_source_meta(request)).await?;
        Ok(ResolvedSource {
            source: response.source.unwrap_or_default(),
            image: response.image.map(|image| ResolvedImage {
                digest: image.digest,
                config: image.config,
            }),
            git: response.git,
            http: response.http,
        })
    }

    async fn inputs(&self) -> Result<BTreeMap<String, pb::Definition>> {
        if !self.can(caps::INPUTS) {
            return Ok(BTreeMap::new());
        }
        let mut bridge = self.bridge.clone();
        let response = self.call(bridge.inputs(frontend::InputsRequest {})).await?;
        Ok(response.definitions)
    }

    async fn warn(&self, warning: Warning) -> Result<()> {
        if !self.can(caps::WARNINGS) {
            return Ok(());
        }
        let request = frontend::WarnRequest {
            digest: warning.digest,
            level: warning.level,
            short: warning.short.into(),
            detail: warning.detail.into_iter().map(Bytes::from).collect(),
            url: warning.url,
            info: warning.info.map(|mut info| {
                info.definition = info.definition.map(for_the_wire);
                info
            }),
            ranges: warning.ranges,
        };
        let mut bridge = self.bridge.clone();
        self.call(bridge.warn(request)).await.map(drop)
    }
}

impl Client {
    /// What daemons could resolve before they could resolve every source: images. Any other source
    /// is what it was.
    async fn resolve_image_config(&self, mut request: SourceRequest) -> Result<ResolvedSource> {
        let Some((scheme, reference)) = request.reference() else {
            return Ok(ResolvedSource {
                source: request.source,
                ..Default::default()
            });
        };
        let attr = |key: &str| {
            let mut attrs = request.source.attrs.iter();
            let attr = attrs.find(|attr| attr.key() == key);
            attr.map(|attr| attr.value().to_owned()).unwrap_or_default()
        };
        let message = frontend::ResolveImageConfigRequest {
            r#ref: reference.to_owned(),
            platform: request.platform.clone(),
            resolve_mode: request.resolve_mode.clone(),
            log_name: request.log_name.clone(),
            resolver_type: (scheme == "oci-layout://").into(),
            session_id: attr("oci.session"),
            store_id: attr("oci.store"),
        };
        let mut bridge = self.bridge.clone();
        let response = self.call(bridge.resolve_image_config(message)).await?;
        if !response.r#ref.is_empty() {
            request.source.identifier = format!("{scheme}{}", response.r#ref);
        }
        Ok(ResolvedSource {
            source: request.source,
            image: Some(ResolvedImage {
                digest: response.digest,
                config: response.config,
            }),
            ..Default::default()
        })
    }
}

/// Refuses a message that the daemon does not take, in the words of the library that the original sends with.
fn check_size(message: &impl Message) -> Result<()> {
    match message.encoded_len() {
        ..=MESSAGE_LIMIT => Ok(()),
        size => Err(Error {
            code: Code::ResourceExhausted,
            ..Error::new(format!(
                "trying to send message larger than max ({size} vs. {MESSAGE_LIMIT})"
            ))
        }),
    }
}

/// A definition as the value of a map: an empty message would be left out, and a daemon does not survive that.
fn kept_in_a_map(definition: pb::Definition) -> pb::Definition {
    let mut definition = for_the_wire(definition);
    definition.source.get_or_insert_default();
    definition
}

/// The sending half of the connection, in the shape that tonic's client wants.
#[derive(Clone)]
struct Channel(SendRequest<Body>);

impl Service<Request<Body>> for Channel {
    type Response = Response<Incoming>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = hyper::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<hyper::Result<()>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(self.0.send_request(request))
    }
}
