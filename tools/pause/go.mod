module mlsecops/tools/pause

go 1.25
