//! One call of another program: shown as it could be typed, run, and its exit code judged.

use std::fmt;
use std::process::Command;

/// A program, its arguments and what differs in its environment.
#[derive(Clone)]
pub struct Call {
    program: String,
    arguments: Vec<String>,
    /// Variables that are set, or removed when there is no value.
    environment: Vec<(&'static str, Option<String>)>,
}

impl Call {
    /// A call of `program` with arguments separated by spaces.
    pub fn new(program: &str, arguments: &str) -> Self {
        Self { program: program.to_owned(), arguments: Vec::new(), environment: Vec::new() }.arguments(arguments)
    }

    /// A call of cargo.
    pub fn cargo(arguments: &str) -> Self {
        Self::new("cargo", arguments)
    }

    /// With options of the command itself, separated by spaces: behind its first word, so before what stands behind `--`.
    pub fn options(mut self, options: &str) -> Self {
        let at = self.arguments.len().min(1);
        self.arguments.splice(at..at, options.split_whitespace().map(str::to_owned));
        self
    }

    /// Of cargo: without optimising these dependencies, which see neither keys nor plaintext and take long, in a profile.
    pub fn unoptimised(self, profile: &str, packages: &[&str]) -> Self {
        packages
            .iter()
            .fold(self, |call, name| call.options(&format!("--config profile.{profile}.package.{name}.opt-level=0")))
    }

    /// With more arguments, separated by spaces.
    pub fn arguments(mut self, arguments: &str) -> Self {
        self.arguments.extend(arguments.split_whitespace().map(str::to_owned));
        self
    }

    /// With one more argument, which may hold spaces.
    pub fn argument(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// With a variable of the environment.
    pub fn set(mut self, name: &'static str, value: &str) -> Self {
        self.environment.push((name, Some(value.to_owned())));
        self
    }

    /// Without a variable of the environment.
    pub fn unset(mut self, name: &'static str) -> Self {
        self.environment.push((name, None));
        self
    }

    /// Prints the call, runs it and demands that it exits with 0.
    pub fn run(&self) -> Result<(), Failure> {
        match self.exit_code()? {
            0 => Ok(()),
            code => Err(self.failure(format!("exit code {code}"))),
        }
    }

    /// Prints the call, runs it and gives its exit code; being killed by a signal is a failure.
    pub fn exit_code(&self) -> Result<i32, Failure> {
        println!("$ {self}");
        let status = self.command().status().map_err(|error| self.failure(format!("cannot be started: {error}")))?;
        status.code().ok_or_else(|| self.failure(format!("ended by a signal: {status}")))
    }

    /// Prints the call, runs it, demands that it exits with 0, and gives what it printed.
    pub fn output(&self) -> Result<String, Failure> {
        println!("$ {self}");
        let output = self.command().output().map_err(|error| self.failure(format!("cannot be started: {error}")))?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(self.failure(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim())))
        }
    }

    /// Runs calls at the same time, prints each with what it printed, in their order, and demands that all exit with 0. For programs
    /// that keep one processor busy each.
    pub fn run_at_once(calls: &[Self]) -> Result<(), Failure> {
        let outputs = std::thread::scope(|scope| {
            let started: Vec<_> = calls.iter().map(|call| scope.spawn(|| call.command().output())).collect();
            started.into_iter().map(std::thread::ScopedJoinHandle::join).collect::<Vec<_>>()
        });
        let mut outcome = Ok(());
        for (call, output) in calls.iter().zip(outputs) {
            println!("$ {call}");
            let output = output.map_err(|_| call.failure("nobody waited for its end"))?;
            let output = output.map_err(|error| call.failure(format!("cannot be started: {error}")))?;
            print!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            if !output.status.success() && outcome.is_ok() {
                outcome = Err(call.failure(output.status.to_string()));
            }
        }
        outcome
    }

    /// Whether it can be started and exits with 0. Prints nothing.
    pub fn succeeds_silently(&self) -> bool {
        self.command().output().is_ok_and(|output| output.status.success())
    }

    /// Whether it prints exactly this, spaces around it aside.
    pub fn prints(&self, expected: &str) -> bool {
        self.command().output().is_ok_and(|output| String::from_utf8_lossy(&output.stdout).trim() == expected)
    }

    /// A failure of this call.
    pub fn failure(&self, what: impl Into<String>) -> Failure {
        Failure { what: what.into(), command: Some(self.to_string()) }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        // What the outer cargo says about this program is not about the inner one, and would make build scripts run again.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                command.env_remove(&name);
            }
        }
        command.env("CARGO_INCREMENTAL", "0");
        for (name, value) in &self.environment {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let removed: Vec<_> = self.environment.iter().filter(|(_, value)| value.is_none()).collect();
        if !removed.is_empty() {
            f.write_str("env ")?;
            removed.iter().try_for_each(|(name, _)| write!(f, "-u {name} "))?;
        }
        for (name, value) in self.environment.iter().filter_map(|(name, value)| Some((name, value.as_ref()?))) {
            write!(f, "{name}={} ", quoted(value))?;
        }
        f.write_str(&quoted(&self.program))?;
        self.arguments.iter().try_for_each(|argument| write!(f, " {}", quoted(argument)))
    }
}

/// The word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_=./,:+@%".contains(character);
    if word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// Why a step did not hold.
pub struct Failure {
    what: String,
    command: Option<String>,
}

impl Failure {
    /// A failure that is not one of a call.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), command: None }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        self.command.as_ref().map_or(Ok(()), |command| write!(f, "\n  this command alone: {command}"))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::Call;

    #[test]
    fn a_call_is_shown_as_a_shell_takes_it() {
        let call =
            Call::cargo("test --all").argument("it's").set("RUSTFLAGS", "--cfg a").set("EMPTY", "").unset("OTHER");
        assert_eq!(call.to_string(), r"env -u OTHER RUSTFLAGS='--cfg a' EMPTY= cargo test --all 'it'\''s'");
    }

    #[test]
    fn calls_run_at_the_same_time_and_one_that_fails_is_enough() {
        let shell = |script: &str| Call::new("sh", "-c").argument(script);
        let folder = std::env::temp_dir().join(format!("shokyo-xtask-{}", std::process::id()));
        let (here, there) = (folder.join("here").display().to_string(), folder.join("there").display().to_string());
        // Each waits for the other, at most ten seconds.
        let meets = |own: &str, other: &str| {
            shell(&format!("touch {own}; for i in $(seq 100); do test -e {other} && exit 0; sleep 0.1; done; exit 1"))
        };
        std::fs::create_dir(&folder).unwrap();
        let met = Call::run_at_once(&[meets(&here, &there), meets(&there, &here)]);
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(met.is_ok());
        assert!(Call::run_at_once(&[shell("exit 0"), shell("exit 1"), shell("exit 0")]).is_err());
        assert!(Call::run_at_once(&[shell("kill -9 $$"), shell("exit 0")]).is_err());
    }

    #[test]
    fn only_exit_code_zero_is_a_success() {
        let shell = |script: &str| Call::new("sh", "-c").argument(script);
        assert!(shell("exit 0").run().is_ok());
        assert!(shell("exit 1").run().is_err());
        assert!(shell("kill -9 $$").run().is_err());
        assert!(shell("echo 0").prints("0"));
    }
}
