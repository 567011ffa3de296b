//! Answers the planner's questions: images, and ignore files of named contexts.
//!
//! All questions of a round are asked at once, those of every platform side by side, and no question twice.

use std::collections::HashMap;

use futures_util::future::try_join_all;

use crate::{
    diagnostic::Diagnostic,
    gateway::{Gateway, SolveRequest, SourceRequest},
    llb::source::{Image, Local, OciLayout, OciStore},
    plan::{self, Answer, Bases, Known, Query, Resolution, Step, Wanted},
    stage::Graph,
};

use super::{context, error::Result, once::Once, options::Options};

/// What is shared by the platforms of a build.
pub(super) struct Resolver<'a, G> {
    pub(super) gateway: &'a G,
    options: &'a Options,
    session: &'a str,
    answers: Once<Wanted, Answer>,
}

impl<'a, G: Gateway> Resolver<'a, G> {
    pub(super) fn new(gateway: &'a G, options: &'a Options, session: &'a str) -> Self {
        Self {
            gateway,
            options,
            session,
            answers: Once::default(),
        }
    }

    /// Finds every base of a graph.
    pub(super) async fn bases(
        &self,
        graph: Graph,
        plan: &plan::Options<'_>,
        facts: &mut plan::Facts,
    ) -> Result<Bases> {
        let names: Vec<String> = graph.labels().map(str::to_owned).collect();
        let mut known: Known = HashMap::new();
        let mut resolution = Resolution::new(graph, plan);
        loop {
            match resolution.step(&known, facts)? {
                Step::Need(goes_on, queries) => {
                    let answers = queries.iter().map(|query| self.answer(query, &names));
                    let answers = try_join_all(answers).await?;
                    known.extend(queries.into_iter().map(|query| query.wanted).zip(answers));
                    resolution = *goes_on;
                }
                Step::Done(bases) => return Ok(*bases),
            }
        }
    }

    /// The answer to a question. `names` are what may have been meant by an image that is not there.
    pub(super) async fn answer(&self, query: &Query, names: &[String]) -> Result<Answer> {
        let answer = self.answers.get(&query.wanted, self.ask(query)).await;
        answer.map_err(|error| match query.context {
            Some(_) => error.at(query.lines),
            None => error
                .context(&query.written)
                .suggest(plan::suggest_image(names, &query.written))
                .at(query.lines),
        })
    }

    async fn ask(&self, query: &Query) -> Result<Answer> {
        match &query.wanted {
            Wanted::Image { reference, .. } => {
                let source = Image {
                    reference: reference.clone(),
                    ..Image::default()
                };
                let request = SourceRequest::new(source, &query.log_name);
                self.image(query, reference, request).await
            }
            Wanted::OciLayout {
                reference, store, ..
            } => {
                let store = OciStore {
                    session_id: self.session.to_owned(),
                    store_id: store.clone(),
                };
                let source = OciLayout {
                    reference: reference.clone(),
                    store,
                    layer_limit: None,
                };
                let request = SourceRequest::new(source, &query.log_name);
                match self.image(query, reference, request).await? {
                    Answer::Moved(source) => {
                        let moved = source.identifier;
                        Err(Diagnostic::error(format!(
                            "ref mutated by policy to non-image: docker-image://{reference} -> {moved}"
                        ))
                        .into())
                    }
                    answer => Ok(answer),
                }
            }
            Wanted::Ignore { local, key } => self.ignore(local, key).await,
            Wanted::Plain(_) => Ok(Answer::Ignore(Vec::new())),
        }
    }

    async fn image(
        &self,
        query: &Query,
        reference: &str,
        request: SourceRequest,
    ) -> Result<Answer> {
        let request = SourceRequest {
            platform: query.wanted.platform().map(plan::op_platform),
            resolve_mode: self.options.resolve_mode.as_str().to_owned(),
            ..request
        };
        let resolved = self.gateway.resolve_source(request).await;
        let resolved = resolved.map_err(|error| {
            error.context(&format!(
                "failed to resolve source metadata for {reference}"
            ))
        })?;
        let reference = resolved.reference().to_owned();
        Ok(match resolved.image {
            Some(image) => Answer::Image {
                reference,
                digest: image.digest,
                config: image.config.into(),
            },
            None => Answer::Moved(resolved.source),
        })
    }

    /// The ignore patterns of a local named context.
    async fn ignore(&self, local: &str, key: &str) -> Result<Answer> {
        const IGNORE: &str = ".dockerignore";
        let source = Local {
            follow_paths: vec![IGNORE.to_owned()],
            shared_key_hint: format!("context:{key}-{IGNORE}"),
            ..context::whole(local, self.options.session_of(local, self.session))
        };
        let definition = context::single(
            source,
            &format!("[context {key}] load {IGNORE}"),
            self.gateway,
        );
        let request = SolveRequest {
            evaluate: true,
            ..SolveRequest::definition(definition)
        };
        let solved = self.gateway.solve(request).await?;
        let bytes = context::file(self.gateway, &solved, IGNORE)
            .await
            .unwrap_or_default();
        Ok(Answer::Ignore(context::patterns(IGNORE, &bytes)?))
    }
}
