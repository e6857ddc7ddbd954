module airgap.test/runtime

go 1.24
