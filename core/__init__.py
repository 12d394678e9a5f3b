"""Petridish's library: everything but the pages. This is its map; importing it imports nothing.

What lives where, from the data to the command line:

    datasets       images and labels, by source            core.datasets.DATASETS
    augmentations  batch -> batch, labels following        core.augmentations.pictures.EpochPictures
    models         networks as settings                    core.models.MODELS
    config         what a run is asked to do               core.config.RunConfig
    pipelines      presets and saved pipelines by name     core.pipelines.pipeline_named
    variants       the named variants and suites           core.variants.VARIANTS, SUITES
    training       a generator of epochs                   core.training.loop.train
    runs           the run folder, the only truth          core.runs.store.Store
    jobs           getting runs executed                   core.jobs.local, core.jobs.runner, core.jobs.worker
    predictions    what a network said of a split          core.predictions.Predictions
    evaluation     Predictions -> DataFrame                core.evaluation.confusion_matrix
    charts         DataFrame -> Figure                     core.charts.confusion_matrix
    run_groups     runs that differ only in their seed     core.run_groups.groups
    costs          what a run took                         core.costs.run_costs
    lineup         from runs to a comparison               core.lineup.lineup
    facts          runs and variants as plain values       core.facts
    export         runs as one file for somebody else      core.export.EXPORTERS
    report         which table goes with which chart       core.report.SECTIONS
    hand_in        runs as one HTML file                   core.hand_in.write_hand_in
    cli            the command `petridish`                 core.cli.main
"""
