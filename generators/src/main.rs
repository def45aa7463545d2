//! The program of [`generators::main`] for the tests and benchmarks of this package, where cargo hands it to them. Who
//! measures has it from the package `runner`, under its own name, `generator`.

fn main() -> std::process::ExitCode {
    generators::main()
}
