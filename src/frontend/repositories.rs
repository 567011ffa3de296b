//! Which commits repositories are at: asked once for each repository and ref, whoever wants to know.

use std::{
    cell::RefCell,
    collections::{BTreeSet, HashMap},
    future::Future,
    rc::Rc,
};

use prost::Message;
use tokio::sync::Mutex;

use crate::{
    gateway::{Gateway, SourceRequest},
    llb::{Definition, source::Source},
    proto::pb,
};

use super::{build::Job, error::Result, once::Once};

/// A repository as git takes it, and the branch or tag. BuildKit 0.32 keeps what it finds out by these, and keeps a nil pointer there where
/// it found nothing: the next one that looks finds that. So what differs in anything else is the same question.
pub(super) type Question = (String, String);

/// The commits, for all platforms.
pub(super) type Commits = Once<Question, Option<String>>;

/// Who may fetch a repository that somebody else fetches, too: one after the other, and nobody any more once it failed.
#[derive(Default)]
pub(super) struct Turns(RefCell<HashMap<Question, Rc<Mutex<Result<()>>>>>);

impl Turns {
    /// Does what needs repositories, once nobody else does who needs one of them.
    pub(super) async fn take<T>(
        &self,
        repositories: BTreeSet<Question>,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let turn = |question| {
            let mut turns = self.0.borrow_mut();
            let turn = turns
                .entry(question)
                .or_insert_with(|| Rc::new(Mutex::new(Ok(()))));
            Rc::clone(turn)
        };
        // In one order, so that nobody has what another waits for and waits for what that one has.
        let turns: Vec<_> = repositories.into_iter().map(turn).collect();
        let mut taken = Vec::new();
        for turn in &turns {
            let turn = turn.lock().await;
            turn.clone()?;
            taken.push(turn);
        }
        let done = Box::pin(work).await;
        if let Err(error) = &done {
            taken
                .iter_mut()
                .for_each(|turn| **turn = Err(error.clone()));
        }
        done
    }
}

/// The repositories that a definition needs.
pub(super) fn fetched(definition: &Definition) -> BTreeSet<Question> {
    let sources =
        definition
            .ops
            .iter()
            .filter_map(|op| match pb::Op::decode(op.clone()).ok()?.op? {
                pb::op::Op::Source(source) => Some(source),
                _ => None,
            });
    let repositories = sources.filter(|source| source.identifier.starts_with("git://"));
    let question_of = |source: pb::SourceOp| {
        let mut attrs = source.attrs.iter();
        let url = attrs.find(|attr| attr.key() == FULL_URL);
        question(&source.identifier, url.map(|attr| attr.value()))
    };
    repositories.map(question_of).collect()
}

/// The attribute of a source with the address that git gets.
const FULL_URL: &str = "git.fullurl";

/// The commit that a repository is at. Nothing if the daemon is too old to say.
pub(super) async fn commit(
    job: &Job<'_, impl Gateway>,
    source: impl Into<Source>,
    shown: String,
) -> Result<Option<String>> {
    let source = source.into();
    let url = source.attrs.get(FULL_URL).map(String::as_str);
    let question = question(&source.identifier, url);
    let ask = async {
        let found = job
            .gateway
            .resolve_source(SourceRequest::new(source, shown));
        let commit = found
            .await?
            .git
            .map(|git| match git.commit_checksum.is_empty() {
                true => git.checksum,
                false => git.commit_checksum,
            });
        Ok(commit.filter(|commit| !commit.is_empty()))
    };
    job.commits.get(&question, ask).await
}

fn question(identifier: &str, url: Option<&str>) -> Question {
    let (repository, fragment) = identifier.split_once('#').unwrap_or((identifier, ""));
    let reference = fragment.split(':').next().unwrap_or_default();
    (url.unwrap_or(repository).to_owned(), reference.to_owned())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use futures_util::future::join_all;
    use tokio::{runtime::Builder, task::yield_now};

    use crate::{
        diagnostic::Diagnostic,
        llb::{self, Graph, Meta},
        plan,
        reference::git::GitReference,
    };

    use super::*;

    fn definition(remote: &str, subdir: &str) -> Definition {
        let source = plan::git_source(&GitReference {
            remote: remote.to_owned(),
            subdir: Some(subdir.to_owned()),
            ..GitReference::default()
        });
        let mut graph = Graph::new();
        let output = graph.add_source(source, Meta::default());
        let platform = pb::Platform::default();
        let defaults = llb::Defaults {
            platform: &platform,
            capabilities: &|_| true,
        };
        llb::marshal(&graph, Some(output), &defaults)
    }

    /// Promise: who needs the same repository waits, and does not ask again for what could not be had; others wait for nobody.
    #[test]
    fn a_repository_is_fetched_by_one_at_a_time() {
        let (turns, running, most, begun) =
            (Turns::default(), Cell::new(0), Cell::new(0), Cell::new(0));
        let need = |address: &'static str, folder: &'static str, fails: bool| {
            let (turns, running, most, begun) = (&turns, &running, &most, &begun);
            async move {
                let work = async {
                    begun.set(begun.get() + 1);
                    running.set(running.get() + 1);
                    most.set(most.get().max(running.get()));
                    yield_now().await;
                    running.set(running.get() - 1);
                    match fails {
                        true => Err(Diagnostic::error("not found").into()),
                        false => Ok(()),
                    }
                };
                turns
                    .take(fetched(&definition(address, folder)), work)
                    .await
                    .is_ok()
            }
        };
        let runtime = Builder::new_current_thread().build().expect("a runtime");
        let (one, other) = ("https://host.test/one", "https://host.test/other");
        let together = [need(one, "a", false), need(one, "b", false)];
        assert_eq!(runtime.block_on(join_all(together)), [true, true]);
        assert_eq!((most.get(), begun.get()), (1, 2));
        let together = [
            need(one, "a", true),
            need(one, "b", false),
            need(other, "", false),
        ];
        assert_eq!(runtime.block_on(join_all(together)), [false, false, true]);
        assert_eq!((most.get(), begun.get()), (2, 4));
    }
}
