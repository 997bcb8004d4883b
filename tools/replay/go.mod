module mlsecops/tools/replay

go 1.26.0
