//! Work on all cores.
//!
//! Takes items and what is done with each; gives what came of them, in their order. The first items are begun first. Which failure
//! is told does not depend on who was faster: it is that of the first item that has one.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::failure::Failure;

/// Does the work for each item.
pub(super) fn map<T: Sync, R: Send>(
    items: &[T],
    work: impl Fn(&T) -> Result<R, Failure> + Sync,
) -> Result<Vec<R>, Failure> {
    let next = AtomicUsize::new(0);
    let failed = AtomicUsize::new(usize::MAX);
    let run = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let wanted = at < failed.load(Ordering::Relaxed);
            let Some(item) = items.get(at).filter(|_| wanted) else {
                return done;
            };
            let result = work(item);
            if result.is_err() {
                failed.fetch_min(at, Ordering::Relaxed);
            }
            done.push((at, result));
        }
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mut done = thread::scope(|scope| {
        // Where no thread is to be had, this one does it all.
        let others: Vec<_> = (1..cores.min(items.len()))
            .filter_map(|_| thread::Builder::new().spawn_scoped(scope, run).ok())
            .collect();
        let mut done = run();
        for other in others {
            match other.join() {
                Ok(more) => done.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    });
    done.sort_unstable_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Kind;

    #[test]
    fn results_are_in_order_and_the_first_failure_is_told() {
        let items: Vec<usize> = (0..1000).collect();
        let doubled = map(&items, |item| Ok(item * 2)).expect("all of them");
        assert!(doubled.iter().enumerate().all(|(at, item)| at * 2 == *item));
        assert_eq!(map(&[] as &[usize], |_| Ok(())), Ok(Vec::new()));
        for _ in 0..20 {
            let failed = map(&items, |item| match item {
                500.. => Err(Failure::new(Kind::Wheel, item.to_string())),
                _ => Ok(()),
            });
            assert_eq!(failed.expect_err("a failure").sentence, "500");
        }
    }
}
