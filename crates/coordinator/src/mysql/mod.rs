//! The MySQL door.
