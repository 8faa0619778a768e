//! Documents in memory: sealed chunk by chunk, seen only through windows, erased with evidence.

mod erasure;

pub use erasure::{Cause, CopyClass, ErasedCopy, Erasure};
