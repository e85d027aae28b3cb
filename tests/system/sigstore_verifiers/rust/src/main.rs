//! Verifies a Sigstore bundle about a file with sigstore-rust alone.
//!
//!     sigstore-rust-verify ROOT BUNDLE FILE --key PEM
//!     sigstore-rust-verify ROOT BUNDLE FILE IDENTITY ISSUER
//!
//! Exit status 0: verified; 1: not, and stderr says why.

use std::env;
use std::error::Error;
use std::fs::{read, read_to_string};
use std::process::ExitCode;

use sigstore_verify::trust_root::TrustedRoot;
use sigstore_verify::types::{Bundle, DerPublicKey};
use sigstore_verify::{verify, PublicKeyVerificationPolicy, VerificationPolicy};

fn run(given: &[String]) -> Result<(), Box<dyn Error>> {
    let [root, bundle, file, first, second] = given else {
        return Err("ROOT BUNDLE FILE, then --key PEM or IDENTITY ISSUER".into());
    };
    let root = TrustedRoot::from_json(&read_to_string(root)?)?;
    let bundle = Bundle::from_json(&read_to_string(bundle)?)?;
    let content = read(file)?;
    if first == "--key" {
        let key = DerPublicKey::from_pem(&read_to_string(second)?)?;
        verify(&content, &bundle, &PublicKeyVerificationPolicy::new(key), &root)?;
    } else {
        let who = VerificationPolicy::new(first.as_str(), second.as_str());
        verify(&content, &bundle, &who, &root)?;
    }
    Ok(())
}

fn main() -> ExitCode {
    let given: Vec<String> = env::args().skip(1).collect();
    match run(&given) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
