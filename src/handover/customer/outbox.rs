//! A queue of fixed size for outputs that are small and few.

/// Outputs that wait for the host, in order, each of them once.
///
/// What already waits is not queued again, so the length is bounded by the number of different outputs, however seldom the host
/// looks: a warning that nobody has heard yet need not be spoken twice.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub(super) struct Outbox<T, const N: usize> {
    waiting: [Option<T>; N],
    length: usize,
}

impl<T: Copy + PartialEq, const N: usize> Outbox<T, N> {
    pub(super) const fn new() -> Self {
        Self { waiting: [None; N], length: 0 }
    }

    pub(super) fn push(&mut self, output: T) {
        if self.waiting.iter().flatten().any(|waiting| *waiting == output) {
            return;
        }
        debug_assert!(self.length < N, "more different outputs than the queue was made for");
        if let Some(place) = self.waiting.get_mut(self.length) {
            *place = Some(output);
            self.length += 1;
        }
    }

    pub(super) fn pop(&mut self) -> Option<T> {
        let first = self.waiting.first_mut()?.take()?;
        self.waiting.rotate_left(1);
        self.length -= 1;
        Some(first)
    }

    /// Takes back what waits and is out of date.
    pub(super) fn remove(&mut self, output: &T) {
        if let Some(place) = self.waiting.iter().position(|waiting| waiting.as_ref() == Some(output)) {
            self.waiting[place..].rotate_left(1);
            self.waiting[N - 1] = None;
            self.length -= 1;
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.length == 0
    }
}
