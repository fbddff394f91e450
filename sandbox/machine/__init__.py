"""This machine's side of the sandbox: folders, errors, certificates, child processes, stand-ins for the clouds' CLIs."""
