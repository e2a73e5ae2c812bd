//! Tests of the workspace as a whole; the library itself is empty.
