//! The calls of the shop's pages and services: accepted, or refused with the field that is wrong.

mod callers;
mod confirmations;
mod cookies;
mod events;
mod json;
mod lead;
mod rejections;
mod values;
mod visits;
mod web;
