//! Every acknowledged event arrives once, whatever happens to Meta, the disk or the process.

mod balance;
mod dead_letters;
mod delivery;
mod disk;
mod durability;
mod faults;
mod odd_answers;
mod restart;
