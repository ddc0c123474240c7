//! What was acknowledged arrives once, whatever Meta, the disk or the process does meanwhile.

mod balance;
mod dead_letters;
mod delivery;
mod disk;
mod durability;
mod faults;
mod restart;
