//! What pages and services of the shop send: taken, refused or told what is wrong.

mod callers;
mod confirmations;
mod cookies;
mod events;
mod lead;
mod rejections;
mod web;
