#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| twake_bridge_fuzz::decision(data));
