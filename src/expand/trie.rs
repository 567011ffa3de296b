//! A map whose copies share what they have in common.
//!
//! A stage copies the environment of the one it is built from, and there may be as many stages as
//! variables; so a copy costs nothing, and a change costs the path to one entry. The tree branches
//! 32-fold by the bits of the hash, and is at most thirteen branches deep.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

/// How many bits of the hash each branch looks at.
const BITS: u32 = 5;

/// Values by their names.
#[derive(Clone)]
pub(super) struct Trie<V> {
    root: Option<Arc<Node<V>>>,
}

/// What knows its name.
pub(super) trait Named: Clone {
    fn name(&self) -> &str;
}

#[derive(Clone)]
enum Node<V> {
    /// One child for every bit that is set, in the order of the bits.
    Branch {
        bits: u32,
        children: Vec<Arc<Node<V>>>,
    },
    /// All entries with this hash: nearly always one.
    Leaf { hash: u64, entries: Vec<V> },
}

impl<V> Default for Trie<V> {
    fn default() -> Self {
        Self { root: None }
    }
}

impl<V: Named> Trie<V> {
    pub(super) fn get(&self, name: &str) -> Option<&V> {
        let hash = hash(name);
        let mut node = self.root.as_deref()?;
        let mut shift = 0;
        loop {
            match node {
                Node::Branch { bits, children } => {
                    let (_, at) = slot(*bits, hash, shift);
                    node = children.get(at?)?;
                    shift += BITS;
                }
                Node::Leaf { entries, .. } => {
                    return entries.iter().find(|entry| entry.name() == name);
                }
            }
        }
    }

    /// Puts what `make` gives in the place of the entry with this name, which must be its name too. Says whether the name is new.
    pub(super) fn insert(&mut self, name: &str, make: impl FnOnce(Option<&V>) -> V) -> bool {
        let hash = hash(name);
        match &mut self.root {
            Some(root) => insert(root, hash, 0, name, make),
            None => {
                self.root = Some(Arc::new(Node::leaf(hash, make(None))));
                true
            }
        }
    }

    /// Takes the entry out, and says whether there was one.
    pub(super) fn remove(&mut self, name: &str) -> bool {
        // A look first: a removal copies what it passes.
        let is_there = self.get(name).is_some();
        if is_there
            && self
                .root
                .as_mut()
                .is_some_and(|root| remove(root, hash(name), 0, name))
        {
            self.root = None;
        }
        is_there
    }

    /// All entries, in no order that means anything.
    pub(super) fn entries(&self) -> Vec<&V> {
        let mut found = Vec::new();
        let mut open: Vec<&Node<V>> = self.root.as_deref().into_iter().collect();
        while let Some(node) = open.pop() {
            match node {
                Node::Branch { children, .. } => open.extend(children.iter().map(|child| &**child)),
                Node::Leaf { entries, .. } => found.extend(entries),
            }
        }
        found
    }
}

impl<V> Node<V> {
    fn leaf(hash: u64, entry: V) -> Self {
        let entries = vec![entry];
        Node::Leaf { hash, entries }
    }
}

fn insert<V: Named>(
    node: &mut Arc<Node<V>>,
    hash: u64,
    shift: u32,
    name: &str,
    make: impl FnOnce(Option<&V>) -> V,
) -> bool {
    match Arc::make_mut(node) {
        Node::Branch { bits, children } => {
            let (bit, at) = slot(*bits, hash, shift);
            match at.and_then(|at| children.get_mut(at)) {
                Some(child) => insert(child, hash, shift + BITS, name, make),
                None => {
                    children.insert(below(*bits, bit), Arc::new(Node::leaf(hash, make(None))));
                    *bits |= bit;
                    true
                }
            }
        }
        Node::Leaf { hash: own, entries } if *own == hash => {
            match entries.iter_mut().find(|entry| entry.name() == name) {
                Some(entry) => {
                    *entry = make(Some(entry));
                    false
                }
                None => {
                    entries.push(make(None));
                    true
                }
            }
        }
        Node::Leaf { hash: own, .. } => {
            // Two hashes in one place: a branch takes the place, and the new entry goes on from there.
            let bits = slot(0, *own, shift).0;
            let children = vec![Arc::clone(node)];
            *node = Arc::new(Node::Branch { bits, children });
            insert(node, hash, shift, name, make)
        }
    }
}

/// Takes the entry out, and says whether nothing is left of the node.
fn remove<V: Named>(node: &mut Arc<Node<V>>, hash: u64, shift: u32, name: &str) -> bool {
    match Arc::make_mut(node) {
        Node::Branch { bits, children } => {
            if let (bit, Some(at)) = slot(*bits, hash, shift)
                && let Some(child) = children.get_mut(at)
                && remove(child, hash, shift + BITS, name)
            {
                children.remove(at);
                *bits &= !bit;
            }
            children.is_empty()
        }
        Node::Leaf { entries, .. } => {
            entries.retain(|entry| entry.name() != name);
            entries.is_empty()
        }
    }
}

/// The bit that the hash has in a branch this deep, and which child that is, if there is one.
fn slot(bits: u32, hash: u64, shift: u32) -> (u32, Option<usize>) {
    let bit = 1 << (hash.checked_shr(shift).unwrap_or(0) % 32);
    (bit, (bits & bit != 0).then(|| below(bits, bit)))
}

/// How many children come before the one of the bit.
fn below(bits: u32, bit: u32) -> usize {
    (bits & (bit - 1)).count_ones() as usize
}

/// The same for equal names, always: nothing here depends on a seed.
fn hash(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}
