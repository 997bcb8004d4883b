module mlsecops/test/cluster/probe

go 1.25
