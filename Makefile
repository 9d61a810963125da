# Mandat needs Go and nothing else to run; the tests install PostgreSQL,
# Chromium and Pigeonhole where they may. A target's ## comment is its line in `make help`.

GO_MINOR  := 26
HTMX      := 4.0.1
AXE       := 4.14.1
LUCIDE    := 1.62.0

# The program's own default.
MANDAT_DATA_DIR ?= data

# Of `make mail`. A socket's path has a limit, and the servers are several users:
# a short path that everybody may enter.
MANDAT_MAIL_DIR   ?= /tmp/mandat-mail
MANDAT_MAIL_PORTS ?= 25250

# How far `make nightly` goes: property tests read the first two from the
# environment, as any other long test may read MANDAT_NIGHTLY; each fuzz target
# runs for the third.
MANDAT_RAPID_CHECKS ?= 20000
MANDAT_RAPID_STEPS  ?= 60
MANDAT_FUZZTIME     ?= 10m

# Of `make vulnerabilities`.
MANDAT_VULNDB ?= https://vuln.go.dev

export CGO_ENABLED := 0
export GOTOOLCHAIN := local
export PATH := $(PATH):/usr/local/go/bin
ifeq ($(HOME),)
export HOME := $(shell getent passwd "$$(id -u)" | cut -d: -f6)
endif

# One package at a time for every two cores: a package's tests are parallel
# among themselves, and have a database server and a browser beside them. Two
# where nothing slows the tests themselves: one then computes while another waits
# for mail, for a browser or for a limit to pass.
PACKAGES := $(shell n=$$(getconf _NPROCESSORS_ONLN); [ "$$n" -gt 3 ] && echo $$((n / 2)) || echo 1)

# The directories whose tests contain $(1).
with = $$(grep -rlE --include='*_test.go' '$(1)' . | xargs -rn1 dirname | sort -u)

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' Makefile

run: build ## the panel with its demo world, on an embedded database
	exec bin/mandat serve --demo

# Everything is below MANDAT_MAIL_DIR, on loopback, at ports from MANDAT_MAIL_PORTS on.
mail: build ## the panel with the demo world on PostgreSQL, and Postfix and Dovecot that obey it (Debian 12, root)
	@.ci/deps postgresql
	@.ci/deps --servers
	go build -trimpath -ldflags='-s -w' -o bin/mandat-listd ./mail/listd
	@deploy/try up '$(MANDAT_MAIL_DIR)' '$(MANDAT_MAIL_PORTS)'

mail-stop: ## stop what make mail started; its data stays
	@deploy/try down '$(MANDAT_MAIL_DIR)'

reset: ## remove the embedded database and all else in MANDAT_DATA_DIR (./data)
	@dir=$$(realpath -m -- '$(MANDAT_DATA_DIR)'); for kept in '$(CURDIR)' "$$HOME"; do case "$$kept/" in "$${dir%/}/"*) \
		echo "MANDAT_DATA_DIR is $$dir: remove what you mean by hand" >&2; exit 1;; esac; done
	rm -rf -- '$(MANDAT_DATA_DIR)'

# The commit goes into the program where git knows it, that is not in an archive.
build: go ## bin/mandat
	go build -trimpath -ldflags='-s -w' $$(git rev-parse -q --verify HEAD >/dev/null 2>&1 || echo -buildvcs=false) -o bin/mandat ./web

generate: go ## format the templates, generate their code and the icons
	go tool templ fmt .
	go tool templ generate
	go generate ./static/...

golden: go ## accept the pages of views/gallery as they are now
	go test ./views/gallery -update

pictures: export MANDAT_PICTURES := $(CURDIR)/.github/pictures
pictures: go ## take those of the README again
	@.ci/deps chromium
	go test ./web -count=1 -run '^TestBrowser$$/^pictures$$'

check: go ## the definition of done, but for the tests: format, generated code, lint, layers, catalogue
	@out=$$(go tool gofumpt -l .); [ -z "$$out" ] || { echo "go tool gofumpt -w" $$out; exit 1; }
	@templ=$$(go tool -n templ) && for f in $$(find . -name '*.templ'); do \
		"$$templ" fmt -log-level error -stdout "$$f" | cmp -s - "$$f" || { echo "make generate: $$f is not formatted"; exit 1; }; done
	go tool templ generate -check -log-level error
	go vet ./...
	go tool staticcheck ./...
	go test ./views/locale
	go test ./web -run '^Test(Layers|Migrations|Source)'

test: test-deps go ## everything; installs PostgreSQL, Chromium, Pigeonhole, Glewlwyd, Postfix and Dovecot if they are missing
	go build ./...
	go test -p $$((2 * $(PACKAGES))) -timeout 15m ./...

# The journeys in a browser wait for the browser, and those of ./mail for programs
# that are built apart; the matrix and the hostile texts are thousands of requests
# one after the other. The other tests ask the same code for more at once. The
# detector takes several times the memory of the program that it watches.
race: export CGO_ENABLED := 1
race: test-deps go ## the same with the race detector; installs gcc if it is missing
	@.ci/deps gcc
	go test -race -p $(PACKAGES) -timeout 60m -skip '^Test(Browser|TheMatrix|TheMatrixInFragments|AgentsInTheMatrix|A(Path|Query|Field)HoldsAnyText|HeadersHoldAnyText|MemoryIsBounded)$$' $$(go list ./... | grep -v '/mail$$')

# Then what the panel says and the mail servers do: from the panel's answer to the
# effect, one effect at a time, by the tests that prove them.
bench: test-deps go ## the benchmarks, and how soon mail servers do what the panel says
	go test -run xxx -bench . -benchmem -timeout 1h $(call with,^func Benchmark)
	go test -v -count=1 -parallel 1 -timeout 1h -skip '^Test(TheDoctor|PasswordsTravel|MakeMail)' ./mail

nightly: export MANDAT_NIGHTLY := 1
nightly: export MANDAT_RAPID_CHECKS := $(MANDAT_RAPID_CHECKS)
nightly: export MANDAT_RAPID_STEPS := $(MANDAT_RAPID_STEPS)
nightly: test-deps go ## hours: long runs of the property tests, then every fuzz target
	go test -count=1 -p $(PACKAGES) -timeout 12h $(call with,MANDAT_NIGHTLY|pgregory.net/rapid)
	grep -roE --include='*_test.go' '^func Fuzz\w+' . | sed 's,/[^/]*:func , ,' | while read -r dir target; do \
		go test -run xxx -fuzz "^$$target$$" -fuzztime $(MANDAT_FUZZTIME) "$$dir" || exit 1; done

vulnerabilities: go ## known ones in what the program calls, by the Go project's list (needs vuln.go.dev, or another list in MANDAT_VULNDB)
	go tool govulncheck -db '$(MANDAT_VULNDB)' ./...

scan: export MANDAT_SCAN := 1
scan: test-deps go ## half an hour: wapiti and sqlmap look for holes; installs them if they are missing
	@.ci/deps wapiti sqlmap
	go test -count=1 -v -run '^TestScan' -timeout 2h ./handlers

test-deps: ## what the tests need and Go does not bring: PostgreSQL, Chromium, Pigeonhole, Glewlwyd; Postfix and Dovecot
	@.ci/deps postgresql chromium dovecot-sieve glewlwyd
	@.ci/deps --servers

assets: ## fetch the vendored htmx, axe-core and icons again (needs npm)
	set -e; dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; cd "$$dir"; \
	for name in htmx.org@$(HTMX) axe-core@$(AXE) lucide-static@$(LUCIDE); do \
		mkdir "$${name%@*}"; tar xzf "$$(npm pack --silent "$$name")" --strip-components=1 -C "$${name%@*}"; done; \
	cp htmx.org/dist/htmx.min.js $(CURDIR)/static/; \
	mkdir -p $(CURDIR)/web/testdata; cp axe-core/axe.min.js $(CURDIR)/web/testdata/; \
	for icon in $(CURDIR)/static/icons/*.svg; do cp "lucide-static/icons/$${icon##*/}" "$$icon"; done
	go generate ./static/...

# A sentence instead of the go command's own, which differs with its age.
go:
	@minor=$$(cd / && go version 2>/dev/null | sed 's/.*go1\.\([0-9]*\).*/\1/'); [ "$${minor:-0}" -ge $(GO_MINOR) ] || \
		{ echo "Mandat needs Go 1.$(GO_MINOR) or newer, from https://go.dev/dl/; here is $$(cd / && go version 2>/dev/null || echo none)." >&2; exit 1; }

.PHONY: help run mail mail-stop reset build generate golden pictures check test race bench nightly vulnerabilities scan test-deps assets go
