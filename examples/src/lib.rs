//! Glue that several examples share.
