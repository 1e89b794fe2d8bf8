"""How the gallery runs the examples; Sphinx cannot save functions of its own file."""

MAIN_JOB = "plot_dropout_sweep"


def script_arguments(gallery_conf, script_vars):
    """The experiments take minutes at full size: their pages show a quick run."""
    return [] if MAIN_JOB in script_vars["src_file"] else ["--quick"]
