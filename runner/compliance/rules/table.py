"""All rules for Python, with their ids; docs/rules.md has a section for each."""

from typing import Final

from runner.compliance.finding import Rule, Severity
from runner.compliance.rules import (
    code_rules,
    file_rules,
    logging_rules,
    manifest_rules,
    spec_rules,
    surroundings_rules,
)
from runner.compliance.subject import StageFile

E, W = Severity.ERROR, Severity.WARNING

RULES: Final[tuple[Rule[StageFile], ...]] = (
    Rule("ST101", "print", E, logging_rules.find_prints),
    Rule("ST102", "foreign-logger", E, logging_rules.find_foreign_loggers),
    Rule("ST103", "no-stage-logger", E, logging_rules.find_unlogged),
    Rule("ST104", "lost-traceback", W, logging_rules.find_lost_tracebacks),
    Rule("ST105", "swallowed-exception", E, logging_rules.find_swallowed),
    Rule("ST201", "no-stage-io", E, manifest_rules.find_no_stage_io),
    Rule("ST202", "no-manifest", E, manifest_rules.find_no_manifest),
    Rule("ST203", "not-finalized", E, manifest_rules.find_unfinalized),
    Rule("ST204", "escaping-exception", W, manifest_rules.find_escaping),
    Rule("ST205", "unknown-status", E, manifest_rules.find_unknown_status),
    Rule("ST206", "run-stage-signature", E, manifest_rules.find_wrong_signature),
    Rule("ST301", "untracked-input", E, file_rules.find_untracked_inputs),
    Rule("ST302", "unused-input", W, file_rules.find_unused_inputs),
    Rule("ST303", "untracked-output", E, file_rules.find_untracked_outputs),
    Rule("ST304", "write-elsewhere", E, file_rules.find_writes_elsewhere),
    Rule("ST305", "temporary-file", W, file_rules.find_temporary_files),
    Rule("ST306", "absolute-path", W, file_rules.find_absolute_paths),
    Rule("ST401", "undeclared-key", E, spec_rules.find_undeclared_keys),
    Rule("ST402", "unused-key", W, spec_rules.find_unused_keys),
    Rule("ST403", "undeclared-input", E, spec_rules.find_undeclared_inputs),
    Rule("ST404", "undeclared-output", E, spec_rules.find_undeclared_outputs),
    Rule("ST405", "undeclared-secret", E, spec_rules.find_undeclared_secrets),
    Rule("ST406", "undeclared-model", E, spec_rules.find_undeclared_models),
    Rule("ST407", "no-network", E, surroundings_rules.find_network),
    Rule("ST408", "not-installed", E, surroundings_rules.find_missing_imports),
    Rule("ST501", "environment", E, code_rules.find_environment),
    Rule("ST502", "shell", E, code_rules.find_shells),
    Rule("ST503", "missing-types", W, code_rules.find_missing_types),
    Rule("ST504", "missing-docstring", W, code_rules.find_missing_docstrings),
)
