module mlsecops/tools/portal

go 1.25
