package models_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
)

const (
	zone       = "Europe/Paris"
	sampleHash = "{SHA256-CRYPT}$5$r4AUlwysvYP6a.E3$dvA0UIXLo9cLpsqNFC2Gx74Y3GoxkIkWdqIa9Fleim3"
)

// load loads a directory and gives the bad lines as "line key".
func load(t testing.TB, w *modelstest.World, directory string) (models.DirectoryResult, []string, error) {
	t.Helper()
	var bad []string
	done, err := w.Store.LoadDirectory(t.Context(), strings.NewReader(directory), zone, func(e models.LineError) {
		bad = append(bad, fmt.Sprintf("%d %s", e.Line, e.Problem.Key))
	})
	return done, bad, err
}

const sample = `customer,XY2001-MDT,"Noël, ""Nono"" Ferrand",noel@ferrand.example,FR

service,été.example,xy2001-mdt,3,20.5
account,Noël@été.example,,1,
account,postmaster@xn--t-9fab.example,Serveur,0.1,` + sampleHash + `
account,accueil@été.example, "Accueil, rez-de-chaussée",5,$5$r4AUlwysvYP6a.E3$dvA0UIXLo9cLpsqNFC2Gx74Y3GoxkIkWdqIa9Fleim3
service,grand.example,` + cast.Alice + `,10,100
account,archives@grand.example,Archives,50,
account,contact2@garrigue.example,Second contact,1,
account,contact2@garrigue.example,Second contact,1,
`

var goodSample = strings.Replace(sample, "Noël@", "noel@", 1)

func counts(t testing.TB, w *modelstest.World) string {
	var all []string
	for _, table := range []string{"customers", "services", "accounts", "addresses", "account_words", "events"} {
		all = append(all, fmt.Sprint(w.Int(t, "SELECT count(*) FROM "+table)))
	}
	return strings.Join(all, " ")
}

func TestADirectoryIsLoadedAsAWhole(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, w *modelstest.World) {
		before := counts(t, w)
		if done, bad, err := load(t, w, sample); !errors.Is(err, models.ErrDirectory) || !slices.Equal(bad, []string{"4 address.local.character"}) || done.Refused != 1 {
			t.Fatalf("with one bad line: %+v, %q, %v", done, bad, err)
		}
		if after := counts(t, w); after != before {
			t.Fatalf("refused, and yet: %s, before: %s", after, before)
		}
		done, bad, err := load(t, w, "\ufeff"+strings.ReplaceAll(goodSample, "\n", "\r\n"))
		if want := (models.DirectoryResult{Lines: 9, Customers: 1, Services: 2, Accounts: 5, Unchanged: 1}); err != nil || bad != nil || done != want {
			t.Fatalf("%+v, %q, %v; want %+v", done, bad, err, want)
		}

		c, err := w.Store.FindCustomer(t.Context(), "xy2001-mdt")
		if err != nil || c.Name != `Noël, "Nono" Ferrand` || c.Email != "noel@ferrand.example" || c.Language != "fr" || c.TimeZone != zone {
			t.Errorf("customer %+v, %v", c, err)
		}
		by := models.Actor{Customer: c.ID}
		a, err := w.Store.Account(t.Context(), by, "xn--t-9fab.example", "accueil")
		if err != nil || a.Account.Description != "Accueil, rez-de-chaussée" || a.Account.SizeBytes != 5*models.GB || !a.Account.HasPassword {
			t.Fatalf("account %+v, %v", a, err)
		}
		if sv := a.Service; sv.MaxAccounts != 3 || sv.MaxBytes != 20_500_000_000 || sv.MaxAccountBytes != 5*models.GB || sv.AccountCount != 3 || sv.AllottedBytes != 6_100_000_000 {
			t.Errorf("service %+v", sv)
		}
		grand, err := w.Store.Service(t.Context(), w.Actor(t, cast.Alice), "grand.example")
		if err != nil || grand.Service.MaxAccountBytes != 50*models.GB {
			t.Errorf("a service with a large account: %+v, %v", grand, err)
		}
		if n := w.Int(t, "SELECT count(*) FROM accounts WHERE password_hash = '"+sampleHash+"'"); n != 2 {
			t.Errorf("%d accounts have the hash with its scheme", n)
		}
		events, _, err := w.Store.History(t.Context(), by, a, models.HistoryQuery{})
		if err != nil || len(events) != 4 {
			t.Fatalf("history %+v, %v", events, err)
		}
		for i, want := range []string{"account.created accueil@xn--t-9fab.example 4", "account.created postmaster@xn--t-9fab.example 3", "account.created noel@xn--t-9fab.example 2", "service.created xn--t-9fab.example 1"} {
			if got := fmt.Sprint(events[i].Kind, " ", events[i].Object, " ", events[i].Number); got != want {
				t.Errorf("event %d is %s, want %s", i, got, want)
			}
		}
		if n := w.Int(t, "SELECT count(*) FROM account_words WHERE word = 'rez'"); n != 1 {
			t.Errorf("%d accounts are found by a word of their description", n)
		}

		after := counts(t, w)
		done, bad, err = load(t, w, goodSample)
		if want := (models.DirectoryResult{Lines: 9, Unchanged: 9}); err != nil || bad != nil || done != want {
			t.Errorf("again: %+v, %q, %v", done, bad, err)
		}
		if again := counts(t, w); again != after {
			t.Errorf("again: %s, before: %s", again, after)
		}
		// What a customer did meanwhile with a password is theirs.
		if err := w.Store.SetAccountPassword(t.Context(), by, "xn--t-9fab.example", "noel", cast.Password); err != nil {
			t.Fatal(err)
		}
		if _, bad, err := load(t, w, goodSample); err != nil {
			t.Errorf("after a password was set: %q, %v", bad, err)
		}
	})
}

func TestEveryBadLineIsReported(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, w *modelstest.World) {
		alice := w.Actor(t, cast.Alice)
		if err := w.Store.DeleteAccount(t.Context(), alice, cast.Garrigue, "stages", "stages"); err != nil {
			t.Fatal(err)
		}
		sv, err := w.Store.Service(t.Context(), alice, cast.Atelier)
		if err != nil {
			t.Fatal(err)
		}
		w.Exec(t, fmt.Sprintf("INSERT INTO addresses (address, service_id, kind) VALUES ('liste@%s', %d, 'list')", cast.Atelier, sv.Service.ID))

		before := counts(t, w)
		var lines, want []string
		for _, c := range []struct{ line, want string }{
			{"klient,a,b,c,d", "directory.line.kind"},
			{"customer", "directory.line.fields"},
			{"customer,xy1-mdt,Name,a@b.example,fr,more", "directory.line.fields"},
			{`customer,"xy1-mdt,Name,a@b.example,fr`, "directory.line.quotes"},
			{`customer,xy1"-mdt,Name,a@b.example,fr`, "directory.line.quotes"},
			{"customer,xy1-mdt,N\xe9,a@b.example,fr", "directory.line.encoding"},
			{"customer,xy1-mdt,N\x00,a@b.example,fr", "directory.line.control"},
			{"customer,xy1-mdt," + strings.Repeat("x", 10_000) + ",a@b.example,fr", "directory.line.long"},
			{"customer,nobody,Name,a@b.example,fr", "customer.identifier.shape"},
			{"customer,xy2-mdt,,a@b.example,fr", "customer.name.none"},
			{"customer,xy3-mdt,Name,Name <a@b.example>,fr", "customer.email.shape"},
			{"customer,xy4-mdt,Name,a@b.example,de", "customer.language.unknown"},
			{"service,localhost," + cast.Alice + ",1,1", "address.domain.single"},
			{"service,a.example,alice,1,1", "customer.identifier.shape"},
			{"service,b.example," + cast.Alice + ",-1,1", "directory.service.accounts"},
			{"service,c.example," + cast.Alice + ",4294967296,1", "directory.service.accounts"},
			{"service,d.example," + cast.Alice + ",1,", "directory.size"},
			{"service,e.example," + cast.Alice + ",1,\"1,5\"", "directory.size"},
			{"service,f.example," + cast.Alice + ",1,1e3", "directory.size"},
			{"service,g.example," + cast.Alice + ",1,1.0005", "directory.size"},
			{"service,h.example," + cast.Alice + ",1,99999999999999999999", "directory.size"},
			{"account,contact,,1,", "address.shape"},
			{"account,a@garrigue.example," + strings.Repeat("é", 201) + ",1,", "account.description.long"},
			{"account,b@garrigue.example,,0,", "directory.size"},
			{"account,c@garrigue.example,,0.05,", "directory.size"},
			{"account,d@garrigue.example,,1,tilleul-orage-2026", "password.hash.plain"},
			{"account,e@garrigue.example,,1,{PLAIN}tilleul-orage-2026", "password.hash.refused"},
			{"account,f@garrigue.example,,1,{SHA512-CRYPT}$6$x$y", "password.hash.malformed"},
			{"account,a@b.example,,1,", ""}, // of a service whose own line is bad: told there

			{"account,x1@garrigue.example,,1,", ""},
			{"account,X1@Garrigue.example,other,1,", "directory.line.differs"},
			{"account,x1@garrigue.example,,1,", ""},
			{"customer," + cast.Alice + ",Alice,alice@x.example,fr", "directory.customer.differs"},
			{"service,garrigue.example," + cast.David + ",100,500", "directory.service.differs"},
			{"service,i.example,zz9-mdt,1,1", "directory.service.owner"},
			{"account,contact@garrigue.example,something else,5,", "directory.account.differs"},
			{"account,stages@garrigue.example,Stages et alternance,2,", "directory.account.deleting"},
			{"account,liste@" + cast.Atelier + ",,1,", "directory.account.taken"},
			{"account,a@nowhere.example,,1,", "directory.account.service"},
			{"account,huge@garrigue.example,,900,", "directory.account.large directory.limit.size"},
			{"service,small.example," + cast.David + ",2,3", ""},
			{"account,a@small.example,,1,", ""},
			{"account,postmaster@small.example,,1,", ""},
			{"account,b@small.example,,0.5,", ""},
			{"account,c@small.example,,0.5,", "directory.limit.accounts"},
			{"account,d@small.example,,0.1,", "directory.limit.accounts directory.limit.size"},
		} {
			lines = append(lines, c.line)
			for key := range strings.FieldsSeq(c.want) {
				want = append(want, fmt.Sprintf("%d %s", len(lines), key))
			}
		}
		done, bad, err := load(t, w, strings.Join(lines, "\n"))
		if !errors.Is(err, models.ErrDirectory) || done.Refused != len(bad) || done.Lines != len(lines) {
			t.Errorf("%+v, %v", done, err)
		}
		slices.SortStableFunc(bad, func(a, b string) int {
			var m, n int
			fmt.Sscan(a, &m)
			fmt.Sscan(b, &n)
			return m - n
		})
		if diff := cmp.Diff(want, bad); diff != "" {
			t.Error(diff)
		}
		if after := counts(t, w); after != before {
			t.Errorf("refused, and yet: %s, before: %s", after, before)
		}
	})
}

func TestADirectoryThatCannotBeReadIsNotLoaded(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, w *modelstest.World) {
		before := counts(t, w)
		broken := errors.New("broken disk")
		r := io.MultiReader(strings.NewReader(goodSample), iotest.ErrReader(broken))
		if _, err := w.Store.LoadDirectory(t.Context(), r, zone, nil); !errors.Is(err, broken) {
			t.Error(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		r = io.MultiReader(strings.NewReader(goodSample), readerFunc(func() error { cancel(); return io.EOF }))
		if _, err := w.Store.LoadDirectory(ctx, r, zone, nil); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if done, bad, err := load(t, w, ""); err != nil || bad != nil || done != (models.DirectoryResult{}) {
			t.Errorf("an empty one: %+v, %q, %v", done, bad, err)
		}
		if _, err := w.Store.LoadDirectory(t.Context(), strings.NewReader("customer,xy1-mdt,Name,a@b.example,fr"), "Nowhere/Town", func(models.LineError) {}); !errors.Is(err, models.ErrDirectory) {
			t.Error("an unknown time zone:", err)
		}
		if after := counts(t, w); after != before {
			t.Errorf("%s, before: %s", after, before)
		}
	})
}

type readerFunc func() error

func (f readerFunc) Read([]byte) (int, error) { return 0, f() }

// manyAccounts is a directory of n accounts in services of 1,000.
func manyAccounts(n int) io.Reader {
	r, w := io.Pipe()
	go func() {
		out := bufio.NewWriter(w)
		fmt.Fprintln(out, "customer,qq1-mdt,Grand Hébergeur,ops@grand.example,fr")
		for i := range n {
			if i%1000 == 0 {
				fmt.Fprintf(out, "service,d%d.example,qq1-mdt,1000,5000\n", i/1000)
			}
			fmt.Fprintf(out, "account,prenom.nom%d@d%d.example,Personne %d du service %d,5,%s\n", i, i/1000, i, i%17, sampleHash)
		}
		w.CloseWithError(out.Flush())
	}()
	return r
}

// BenchmarkDirectory loads 100,000 accounts into an empty database, once for each run.
func BenchmarkDirectory(b *testing.B) {
	for name, world := range map[string]func(testing.TB) *modelstest.World{"postgres": modelstest.EmptyPostgres, "sqlite": modelstest.EmptySQLite} {
		b.Run(name, func(b *testing.B) {
			const n = 100_000
			for b.Loop() {
				b.StopTimer()
				w := world(b)
				b.StartTimer()
				begun := time.Now()
				done, err := w.Store.LoadDirectory(b.Context(), manyAccounts(n), zone, func(e models.LineError) { b.Fatal(e) })
				if err != nil || done.Accounts != n {
					b.Fatal(done, err)
				}
				b.ReportMetric(n/time.Since(begun).Seconds(), "accounts/s")
				begun = time.Now()
				if done, err = w.Store.LoadDirectory(b.Context(), manyAccounts(n), zone, func(e models.LineError) { b.Fatal(e) }); err != nil || done.Unchanged != done.Lines {
					b.Fatal(done, err)
				}
				b.ReportMetric(time.Since(begun).Seconds(), "s-again")
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				b.ReportMetric(float64(m.Sys)/1e6, "MB")
			}
		})
	}
}

// Whatever the operator's file has: the lines that are refused exist, nothing is
// loaded of a file that has one, and what was loaded is there when it is read again.
func FuzzDirectory(f *testing.F) {
	for _, text := range []string{goodSample, sample, "\ufeffcustomer,zz1-mdt,\"A, \"\"B\"\"\",a@b.example,fr\r\n", "customer,zz1-mdt,A,a@b.example\n\"\n,,,,\n\xff\naccount,\x00\n", "service,a.example,ad1001-mdt,4294967296,1.0001\n", strings.Repeat("a", 9000) + "\nservice,b.example,nobody,1,1", " customer , zz2-mdt ,\tA\u202e, a@b.example , FR"} {
		f.Add(text)
	}
	w := modelstest.OnSQLite(f)
	f.Fuzz(func(t *testing.T, text string) {
		before, lines := counts(t, w), 1+strings.Count(text, "\n")
		loaded := func() (models.DirectoryResult, error) {
			reported := 0
			done, err := w.Store.LoadDirectory(t.Context(), strings.NewReader(text), zone, func(e models.LineError) {
				if reported++; e.Line < 1 || e.Line > lines || e.Problem.Key == "" {
					t.Errorf("line %d of %d: %+v", e.Line, lines, e.Problem)
				}
			})
			if done.Lines > lines || done.Refused != reported || (reported > 0) != errors.Is(err, models.ErrDirectory) || reported == 0 && err != nil {
				t.Errorf("%+v of %d lines with %d reports, %v", done, lines, reported, err)
			}
			return done, err
		}
		done, err := loaded()
		if err != nil {
			if after := counts(t, w); after != before {
				t.Errorf("refused, and yet %s became %s", before, after)
			}
			return
		}
		if again, err := loaded(); err != nil || again.Unchanged != done.Lines {
			t.Errorf("%+v, and again %+v, %v", done, again, err)
		}
	})
}
