//! Signers of senders whose schemes the built-in kinds do not have, as an operator would describe them
//! (`tests/data/kinds`): each is asked to sign a payload, and signs it with the wrong secret, too.
