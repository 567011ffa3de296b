//! Questions that several platforms have: asked once, whoever comes first.

use std::{cell::RefCell, collections::HashMap, future::Future, hash::Hash, rc::Rc};

use tokio::sync::OnceCell;

use super::error::Result;

/// Answers by question. Who asks what is being asked already waits for that answer, and a refusal is an answer: BuildKit 0.32
/// does not survive being asked a second time for a repository that it has not found.
pub(super) struct Once<K, V>(RefCell<HashMap<K, Rc<OnceCell<Result<V>>>>>);

impl<K, V> Default for Once<K, V> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}

impl<K: Eq + Hash + Clone, V: Clone> Once<K, V> {
    /// The answer to a question. `ask` runs only if nobody has asked before.
    pub(super) async fn get(
        &self,
        question: &K,
        ask: impl Future<Output = Result<V>>,
    ) -> Result<V> {
        let cell = Rc::clone(self.0.borrow_mut().entry(question.clone()).or_default());
        // On the heap: in what waits for the answer it would be several times.
        let ask = Box::pin(ask);
        cell.get_or_init(|| ask).await.clone()
    }
}
