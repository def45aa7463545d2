//! The `generator` binary, beside `runner` wherever that is installed. A program of its own, and a small one: what is
//! measured must not carry the runner's memory along, nor the capabilities that the runner's file may have.

fn main() -> std::process::ExitCode {
    generators::main()
}
