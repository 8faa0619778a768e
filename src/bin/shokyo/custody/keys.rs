//! The keys that an auditor gives.
