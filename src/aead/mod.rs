//! aead.
