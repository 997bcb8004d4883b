module mlsecops/tools/pack

go 1.25
