//! Whole requests, as clients send them.
