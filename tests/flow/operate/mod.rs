//! What an operator uses: programs, ports, settings and tools.

mod clock;
mod configuration;
mod doctor;
mod http_port;
mod lint;
mod operator_tool;
mod operators;
mod services;
mod settings_advice;
mod tls;
