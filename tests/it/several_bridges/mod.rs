//! Several bridges on one PostgreSQL, behind nginx, as real processes. Every event answered 2xx is posted, in order of its
//! channel; posted twice are at most the attempts that were in flight at a fault.
//!
//! `SEVERAL_ROUNDS` sets the number of faults of the long test (3); `SEVERAL_SEED` repeats its random choices. Both are printed.

mod faults;
mod fleet;
mod relay;
