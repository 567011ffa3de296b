//! A refusal, the daemon's or ours, in the form in which it can be returned.
//!
//! BuildKit's own details are JSON whose type is named in an `Any`. Go's clients print the lines of
//! each [`Error::locate`]d file with `>>>` before them.

use std::fmt::{self, Display, Formatter};

use prost::Message;
use serde_json::{Value, json};
use tonic::Code;

use crate::{
    diagnostic::Diagnostic,
    llb::{
        self,
        json::{Form, range, source_info},
    },
    proto::{pb, rpc},
    source::Lines,
};

/// What a call gives.
pub type Result<T> = std::result::Result<T, Error>;

const SOURCE: &str = "github.com/moby/buildkit/errdefs.Source+json";
const VERTEX: &str = "github.com/moby/buildkit/errdefs.Vertex+json";
const SUBREQUEST: &str = "github.com/moby/buildkit/errdefs.Subrequest+json";
const FRONTEND_CAP: &str = "github.com/moby/buildkit/errdefs.FrontendCap+json";

/// A gRPC status.
#[derive(Clone, Debug, PartialEq)]
pub struct Error {
    /// What kind of refusal; most are [`Code::Unknown`].
    pub code: Code,
    /// One sentence.
    pub message: String,
    /// What else is known, as it came or as it will go.
    pub details: Vec<rpc::Any>,
}

impl Error {
    /// A refusal of our own.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            code: Code::Unknown,
            message: message.into(),
            details: Vec::new(),
        }
    }

    /// What is wrong with a file, and where.
    pub fn from_diagnostic(diagnostic: &Diagnostic, file: Option<&pb::SourceInfo>) -> Self {
        let error = Self::new(diagnostic.to_string());
        match file {
            None => error,
            Some(file) => diagnostic
                .locations
                .iter()
                .fold(error, |error, lines| error.locate(file, &[*lines])),
        }
    }

    /// The end of a build that nobody waits for any more.
    pub fn cancelled() -> Self {
        Self {
            code: Code::Cancelled,
            ..Self::new("context canceled")
        }
    }

    /// A request that this frontend does not answer.
    pub fn unsupported_subrequest(name: &str) -> Self {
        Self::new(format!("unsupported request {name}"))
            .detail(SUBREQUEST, &json!({ "name": name }))
    }

    /// Something asked of this frontend that it cannot do.
    pub fn unsupported_frontend_capability(name: &str) -> Self {
        Self {
            code: Code::Unimplemented,
            ..Self::new(format!("unsupported frontend capability {name}"))
        }
        .detail(FRONTEND_CAP, &json!({ "name": name }))
    }

    /// Adds the lines of a file that it is about.
    pub fn locate(self, file: &pb::SourceInfo, lines: &[Lines]) -> Self {
        let ranges: Vec<Value> = lines
            .iter()
            .flat_map(|lines| llb::line_by_line(lines.start, lines.end))
            .map(|line| range(&line))
            .collect();
        let mut value = json!({ "info": source_info(file, Form::Struct) });
        if !ranges.is_empty() {
            value["ranges"] = ranges.into();
        }
        self.detail(SOURCE, &value)
    }

    /// Whether some lines of a file are known that it is about.
    pub fn is_located(&self) -> bool {
        self.details.iter().any(|detail| detail.type_url == SOURCE)
    }

    /// The digests of the ops that failed, where the daemon says so.
    pub fn failed_ops(&self) -> impl Iterator<Item = String> {
        let vertices = self.details.iter();
        let vertices = vertices.filter(|detail| detail.type_url == VERTEX);
        vertices.filter_map(|detail| {
            let vertex: Value = serde_json::from_slice(&detail.value).ok()?;
            Some(vertex["digest"].as_str()?.to_owned())
        })
    }

    /// Says first what was being done.
    pub fn context(self, prefix: &str) -> Self {
        Self {
            message: format!("{prefix}: {self}"),
            ..self
        }
    }

    /// The message that returns it.
    pub fn to_status(&self) -> rpc::Status {
        rpc::Status {
            code: self.code.into(),
            message: self.message.clone(),
            details: self.details.clone(),
        }
    }

    /// Puts a detail before the others: Go lists those of the outer errors first.
    fn detail(mut self, type_url: &str, value: &Value) -> Self {
        let detail = rpc::Any {
            type_url: type_url.to_owned(),
            value: value.to_string().into(),
        };
        self.details.insert(0, detail);
        self
    }
}

impl From<tonic::Status> for Error {
    fn from(status: tonic::Status) -> Self {
        // What cannot be read is no detail; the message stands.
        let details = rpc::Status::decode(status.details()).unwrap_or_default();
        Self {
            code: status.code(),
            message: status.message().to_owned(),
            details: details.details,
        }
    }
}

/// As Go prints it: with the name of the code, unless that says nothing.
impl Display for Error {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.code {
            Code::Ok | Code::Unknown => f.write_str(&self.message),
            // Go's name has one `l`.
            Code::Cancelled => write!(f, "Canceled: {}", self.message),
            code => write!(f, "{code:?}: {}", self.message),
        }
    }
}

impl std::error::Error for Error {}
