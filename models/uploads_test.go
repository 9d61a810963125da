package models_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
)

// A file of accounts as tests write it: address, description and GB apart by
// bars; "-" for a cell of a column that the file does not have.
func accountRows(lines ...string) (rows []models.UploadRow) {
	for i, line := range lines {
		cells := strings.Split(line+"|-|-", "|")
		r := models.UploadRow{Line: i + 2, Address: cells[0]}
		if cells[1] != "-" {
			r.Description = &cells[1]
		}
		if cells[2] != "-" {
			r.Gigabytes = &cells[2]
		}
		rows = append(rows, r)
	}
	return rows
}

// redirectionRows is accountRows for from, targets and copy.
func redirectionRows(lines ...string) (rows []models.UploadRow) {
	for i, line := range lines {
		cells := strings.Split(line+"|-|-", "|")
		r := models.UploadRow{Line: i + 2, Address: cells[0], Targets: cells[1]}
		if cells[2] != "-" {
			r.KeepCopy = &cells[2]
		}
		rows = append(rows, r)
	}
	return rows
}

// upload sends a file to Garrigue and has it checked.
func (w *world) upload(t testing.TB, by models.Actor, k models.UploadKind, rows []models.UploadRow) int64 {
	t.Helper()
	id := got[int64](t)(w.Store.CreateUpload(t.Context(), by, cast.Garrigue, k, rows))
	must(t, w.Store.RunUpload(t.Context(), id))
	return id
}

// apply has a file done that was checked.
func (w *world) apply(t testing.TB, by models.Actor, k models.UploadKind, id int64) {
	t.Helper()
	must(t, w.Store.ApplyUpload(t.Context(), by, cast.Garrigue, k, id))
	must(t, w.Store.RunUpload(t.Context(), id))
}

// uploaded is an upload of Garrigue in a few words: its state, its counts, and
// each line with what came of it.
func (w *world) uploaded(t testing.TB, by models.Actor, k models.UploadKind, id int64) (*models.Upload, []string) {
	t.Helper()
	_, u, err := w.Store.Upload(t.Context(), by, cast.Garrigue, k, id)
	must(t, err)
	lines, _, err := w.Store.UploadLines(t.Context(), u, models.UploadQuery{})
	must(t, err)
	var list []string
	for _, l := range lines {
		text := fmt.Sprintf("%d %s %s", l.Line, l.Outcome, l.Object)
		for _, p := range l.Problems {
			text += " " + p.Key
		}
		list = append(list, text)
	}
	return u, list
}

func wantUpload(t testing.TB, u *models.Upload, lines []string, state models.UploadState, want ...string) {
	t.Helper()
	if u.State != state || !slices.Equal(lines, want) {
		t.Errorf("%s:\n\t%s\nwant %s:\n\t%s", u.State, strings.Join(lines, "\n\t"), state, strings.Join(want, "\n\t"))
	}
	counts := map[models.UploadOutcome]int{}
	for _, l := range lines {
		counts[models.UploadOutcome(strings.Fields(l)[1])]++
	}
	for _, o := range models.UploadOutcomes {
		if u.Count(o) != counts[o] {
			t.Errorf("%d are said to be %s, and %d are", u.Count(o), o, counts[o])
		}
	}
}

func TestAFileOfAccountsIsShownBeforeItIsDone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.told(t, cast.Garrigue)
		contact := w.account(t, w.Alice, cast.Garrigue, "contact").Account
		id := w.upload(t, w.Bruno, models.UploadAccounts, accountRows(
			"Nouveau@Garrigue.example|Tout neuf|2,5", "autre", "contact|Chez nous|1", "rh",
		))
		u, lines := w.uploaded(t, w.Bruno, models.UploadAccounts, id)
		wantUpload(t, u, lines, models.UploadReady, "2 created nouveau@garrigue.example", "3 created autre@garrigue.example", "4 changed contact@garrigue.example", "5 unchanged rh@garrigue.example")
		w.wantTold(t)
		_, err := w.Store.Account(t.Context(), w.Alice, cast.Garrigue, "nouveau")
		want(t, "an account that was only announced", err, notFound)

		w.apply(t, w.Bruno, models.UploadAccounts, id)
		u, lines = w.uploaded(t, w.Bruno, models.UploadAccounts, id)
		wantUpload(t, u, lines, models.UploadDone, "2 created nouveau@garrigue.example", "3 created autre@garrigue.example", "4 changed contact@garrigue.example", "5 unchanged rh@garrigue.example")
		w.wantTold(t, cast.Bruno+" account.created nouveau@garrigue.example", cast.Bruno+" account.created autre@garrigue.example", cast.Bruno+" account.changed contact@garrigue.example")
		made := w.account(t, w.Alice, cast.Garrigue, "nouveau").Account
		if made.Description != "Tout neuf" || made.SizeBytes != 2_500_000_000 || made.HasPassword {
			t.Errorf("made %+v", made)
		}
		if other := w.account(t, w.Alice, cast.Garrigue, "autre").Account; other.SizeBytes != w.service(t, w.Alice, cast.Garrigue).Service.MaxAccountBytes {
			t.Errorf("an account of no size is %+v", other)
		}
		is := w.account(t, w.Alice, cast.Garrigue, "contact").Account
		if is.Description != "Chez nous" || is.SizeBytes != models.GB || is.Version != contact.Version+1 {
			t.Errorf("changed to %+v", is)
		}
		for _, word := range []string{"neuf", "chez"} { // the search finds them by what the file says
			if n := w.Int(t, "SELECT count(*) FROM account_words WHERE word = '"+word+"'"); n != 1 {
				t.Errorf("%q is found %d times", word, n)
			}
		}
		want(t, "to do it again", w.Store.ApplyUpload(t.Context(), w.Bruno, cast.Garrigue, models.UploadAccounts, id), conflict)
		must(t, w.Store.RunUpload(t.Context(), id)) // its job comes twice
		w.wantTold(t)

		again := w.upload(t, w.Bruno, models.UploadAccounts, accountRows("nouveau|Tout neuf|2.5", "contact"))
		u, lines = w.uploaded(t, w.Bruno, models.UploadAccounts, again)
		wantUpload(t, u, lines, models.UploadDone, "2 unchanged nouveau@garrigue.example", "3 unchanged contact@garrigue.example")
	})
}

func TestALineThatIsWrongKeepsTheWholeFileOut(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		must(t, w.redirect(t, cast.Garrigue, "bonjour", "contact@garrigue.example"))
		must(t, w.Store.DeleteAccount(t.Context(), w.Alice, cast.Garrigue, "stages", "stages"))
		w.told(t, cast.Garrigue)
		long := strings.Repeat("a", models.MaxDescription+1)
		id := w.upload(t, w.Alice, models.UploadAccounts, accountRows(
			"bon|ok|1", "été||1", "x@ailleurs.example||1", "bonjour||1", "stages||1", "a|"+long+"|1", "b||beaucoup", "c||0.05", "d||6", "bon||2", "||", "e|\x00<b>|1", "f||0",
		))
		u, lines := w.uploaded(t, w.Alice, models.UploadAccounts, id)
		wantUpload(t, u, lines, models.UploadRefused,
			"2 created bon@garrigue.example", "3 refused été address.local.character", "4 refused x@ailleurs.example redirection.from.elsewhere", "5 refused bonjour account.local.taken",
			"6 refused stages upload.line.deleting", "7 refused a account.description.long", "8 refused b account.size.shape", "9 refused c account.size.small",
			"10 refused d account.size.large", "11 refused bon upload.line.double", "12 refused  address.local.empty", "13 created e@garrigue.example",
			"14 refused f account.size.small",
		)
		want(t, "to do it all the same", w.Store.ApplyUpload(t.Context(), w.Alice, cast.Garrigue, models.UploadAccounts, id), conflict)
		w.wantTold(t)
		_, u, err := w.Store.Upload(t.Context(), w.Alice, cast.Garrigue, models.UploadAccounts, id)
		must(t, err)
		some, more, err := w.Store.UploadLines(t.Context(), u, models.UploadQuery{Outcome: models.LineRefused, After: 10})
		must(t, err)
		if len(some) != 3 || more || some[0].Line != 11 || some[0].Problems[0].Args[1] != 2 {
			t.Errorf("the refused lines behind the tenth: %+v", some)
		}
		if n := w.Int(t, fmt.Sprintf("SELECT count(*) FROM uploads WHERE id = %d AND content = ''", id)); n != 1 {
			t.Error("a file that is not done is kept")
		}
	})
}

func TestAFileKeepsToTheLimitsOfItsService(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.service(t, w.Alice, cast.Garrigue)
		contact := w.account(t, w.Alice, cast.Garrigue, "contact").Account
		left := 3
		w.Exec(t, fmt.Sprintf("UPDATE services SET max_accounts = %d, max_bytes = allotted_bytes + %d WHERE domain = 'garrigue.example'", a.Service.AccountCount-1+left, 2*models.GB))
		id := w.upload(t, w.Alice, models.UploadAccounts, accountRows("a||1", "b||1", "c||0.1", "d||0.1"))
		u, lines := w.uploaded(t, w.Alice, models.UploadAccounts, id)
		wantUpload(t, u, lines, models.UploadRefused,
			"2 created a@garrigue.example", "3 created b@garrigue.example", "4 refused c account.size.total", "5 refused d account.size.total")

		// What shrinks makes room for what is before it.
		shrunk := fmt.Sprintf("contact||%.3f", float64(contact.SizeBytes-models.GB)/models.GB)
		id = w.upload(t, w.Alice, models.UploadAccounts, accountRows("a||1", "b||1", "c||1", shrunk))
		u, lines = w.uploaded(t, w.Alice, models.UploadAccounts, id)
		wantUpload(t, u, lines, models.UploadReady, "2 created a@garrigue.example", "3 created b@garrigue.example", "4 created c@garrigue.example", "5 changed contact@garrigue.example")

		// Somebody else takes the place meanwhile: nothing of the file is done.
		must(t, w.Store.ApplyUpload(t.Context(), w.Alice, cast.Garrigue, models.UploadAccounts, id))
		got[*models.Account](t)(w.Store.CreateAccount(t.Context(), w.Bruno, cast.Garrigue, models.NewAccount{Local: "z", SizeBytes: models.GB}))
		w.told(t, cast.Garrigue)
		must(t, w.Store.RunUpload(t.Context(), id))
		u, lines = w.uploaded(t, w.Alice, models.UploadAccounts, id)
		wantUpload(t, u, lines, models.UploadRefused, "2 created a@garrigue.example", "3 created b@garrigue.example", "4 refused c account.limit.accounts account.size.total", "5 changed contact@garrigue.example")
		w.wantTold(t)

		w.Exec(t, "UPDATE services SET max_bytes = max_bytes + 1000000000000 WHERE domain = 'garrigue.example'")
		id = w.upload(t, w.Alice, models.UploadAccounts, accountRows("a", "b", "postmaster", "d"))
		u, lines = w.uploaded(t, w.Alice, models.UploadAccounts, id)
		wantUpload(t, u, lines, models.UploadRefused, "2 created a@garrigue.example", "3 created b@garrigue.example", "4 unchanged postmaster@garrigue.example", "5 refused d account.limit.accounts")
	})
}

func TestAFileOfRedirectionsIsShownBeforeItIsDone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		must(t, w.redirect(t, cast.Garrigue, "bonjour", "contact@garrigue.example"))
		must(t, w.redirect(t, cast.Garrigue, "info", "rh@garrigue.example"))
		w.responder(t, "rh")
		w.responder(t, "compta")
		w.told(t, cast.Garrigue)
		id := w.upload(t, w.Bruno, models.UploadRedirections, redirectionRows(
			"Salut|Bonjour+x@garrigue.example", "bonjour|compta@garrigue.example rh@garrigue.example", "info|rh@garrigue.example|oui", "achats|x@elsewhere.example,y@elsewhere.example|no", "paie|rh@garrigue.example",
			"*@garrigue.example|contact@garrigue.example",
		))
		u, lines := w.uploaded(t, w.Bruno, models.UploadRedirections, id)
		whole := []string{
			"2 created salut@garrigue.example", "3 changed bonjour@garrigue.example", "4 unchanged info@garrigue.example", "5 created achats@garrigue.example", "6 created paie@garrigue.example", "7 created *@garrigue.example",
		}
		wantUpload(t, u, lines, models.UploadReady, whole...)
		w.wantTold(t)
		w.apply(t, w.Bruno, models.UploadRedirections, id)
		u, lines = w.uploaded(t, w.Bruno, models.UploadRedirections, id)
		wantUpload(t, u, lines, models.UploadDone, whole...)
		w.wantTold(t, cast.Bruno+" redirection.created salut@garrigue.example", cast.Bruno+" redirection.created achats@garrigue.example", cast.Bruno+" redirection.created paie@garrigue.example",
			cast.Bruno+" redirection.created *@garrigue.example", cast.Bruno+" redirection.changed bonjour@garrigue.example")
		if r := w.redirection(t, cast.Garrigue, "achats"); r.KeepCopy || len(r.Targets) != 2 || !r.Targets[0].Outside {
			t.Errorf("without a copy: %+v", r)
		}
		if r := w.redirection(t, cast.Garrigue, "paie"); !r.KeepCopy {
			t.Error("a redirection of a mailbox of which the file does not say so keeps no copy")
		}
		if r := w.redirection(t, cast.Garrigue, "bonjour"); r.Version != 2 || r.KeepCopy || !slices.Equal(r.TargetAddresses(), []string{"compta@garrigue.example", "rh@garrigue.example"}) {
			t.Errorf("changed: %+v", r)
		}
		for responder, alias := range map[string]string{"rh": "paie", "compta": "bonjour"} {
			if w.Int(t, "SELECT count(*) FROM sieve_scripts WHERE address = '"+responder+"@garrigue.example' AND content LIKE '%"+alias+"@garrigue.example%'") != 1 {
				t.Errorf("the responder of %s does not answer for %s", responder, alias)
			}
		}
	})
}

func TestAFileOfRedirectionsMakesNoCircle(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		must(t, w.redirect(t, cast.Velos, "x", "bonjour@garrigue.example"))
		w.Exec(t, "UPDATE services SET max_redirections = 25 WHERE domain = 'garrigue.example'")
		var long []string
		for i := range 12 {
			long = append(long, fmt.Sprintf("n%d|n%d@garrigue.example", i, i+1))
		}
		long = append(long, "n12|contact@garrigue.example")
		for _, c := range []struct {
			what  string
			lines []string
			want  []string
		}{
			{"to each other", []string{"a|b@garrigue.example", "b|a+x@garrigue.example", "c|a@garrigue.example"}, []string{"2 refused a redirection.chain.circle", "3 refused b redirection.chain.circle", "4 refused c redirection.chain.long"}},
			{"to itself", []string{"a|a@garrigue.example", "info|info@garrigue.example"}, []string{"2 refused a redirection.to.itself", "3 refused info redirection.to.only_itself"}},
			{"through the catch-all", []string{"*|paie@garrigue.example", "paie|ghost@garrigue.example"}, []string{"2 refused * redirection.chain.circle", "3 refused paie redirection.chain.circle"}},
			{"through another service", []string{"bonjour|x@nguyen-velos.example"}, []string{"2 refused bonjour redirection.chain.circle"}},
			{"to nothing", []string{"a|ghost@garrigue.example", "b|a@garrigue.example"}, []string{"2 refused a redirection.to.missing", "3 created b@garrigue.example"}},
			{"wrong by themselves", []string{"é|info@garrigue.example", "a|", "b|x", "c|info@garrigue.example|peut-être", "d@ailleurs.example|info@garrigue.example", "*@ailleurs.example|info@garrigue.example"}, []string{
				"2 refused é address.local.character", "3 refused a redirection.to.none", "4 refused b redirection.to.wrong", "5 refused c upload.line.copy", "6 refused d@ailleurs.example redirection.from.elsewhere", "7 refused *@ailleurs.example redirection.from.elsewhere",
			}},
		} {
			u, lines := w.uploaded(t, w.Alice, models.UploadRedirections, w.upload(t, w.Alice, models.UploadRedirections, redirectionRows(c.lines...)))
			t.Log(c.what)
			wantUpload(t, u, lines, models.UploadRefused, c.want...)
		}
		u, lines := w.uploaded(t, w.Alice, models.UploadRedirections, w.upload(t, w.Alice, models.UploadRedirections, redirectionRows(long...)))
		if u.Refused != 13 || !strings.HasSuffix(lines[12], "redirection.chain.long") {
			t.Errorf("thirteen in a row: %v", lines)
		}
		u, _ = w.uploaded(t, w.Alice, models.UploadRedirections, w.upload(t, w.Alice, models.UploadRedirections, redirectionRows(long[3:]...)))
		if u.State != models.UploadReady {
			t.Errorf("ten in a row: %+v", u)
		}
		// A target that is gone hinders the lines that leave it alone no more than the page does.
		must(t, w.redirect(t, cast.Garrigue, "old", "stages@garrigue.example"))
		must(t, w.Store.DeleteAccount(t.Context(), w.Alice, cast.Garrigue, "stages", "stages"))
		u, lines = w.uploaded(t, w.Alice, models.UploadRedirections, w.upload(t, w.Alice, models.UploadRedirections, redirectionRows("old|stages@garrigue.example", "new|info@garrigue.example")))
		wantUpload(t, u, lines, models.UploadReady, "2 unchanged old@garrigue.example", "3 created new@garrigue.example")
		w.Exec(t, "UPDATE services SET max_redirections = redirection_count + 3 WHERE domain = 'garrigue.example'")
		u, lines = w.uploaded(t, w.Alice, models.UploadRedirections, w.upload(t, w.Alice, models.UploadRedirections, redirectionRows("a|info@garrigue.example", "b|info@garrigue.example", "c|info@garrigue.example", "d|info@garrigue.example", "e|rh@garrigue.example")))
		if u.Refused != 2 || !strings.HasSuffix(lines[3], "redirection.limit") {
			t.Errorf("beyond the limit: %v", lines)
		}
	})
}

func TestWhoMayUpload(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		create := func(by models.Actor, k models.UploadKind) (int64, error) {
			return w.Store.CreateUpload(ctx, by, cast.Garrigue, k, accountRows("a"))
		}
		for _, k := range []models.UploadKind{models.UploadAccounts, models.UploadRedirections} {
			want(t, "the holder of an account", second(create(w.Chloe, k)), forbidden(k.Operation()))
			want(t, "a stranger", second(create(w.David, k)), notFound)
			want(t, "to list, by the holder of an account", second2(w.Store.Uploads(ctx, w.Chloe, cast.Garrigue, k)), forbidden(k.Operation()))
			want(t, "to list, by a stranger", second2(w.Store.Uploads(ctx, w.David, cast.Garrigue, k)), notFound)
		}
		want(t, "nothing", second(w.Store.CreateUpload(ctx, w.Alice, cast.Garrigue, models.UploadAccounts, nil)), "file: upload.file.none")
		want(t, "too much", second(w.Store.CreateUpload(ctx, w.Alice, cast.Garrigue, models.UploadAccounts, make([]models.UploadRow, models.MaxUploadLines+1))), "file: upload.file.many")

		id := w.upload(t, w.Bruno, models.UploadAccounts, accountRows("a"))
		for name, by := range map[string]models.Actor{"the owner": w.Alice, "a stranger": w.David} {
			want(t, "to read another's, by "+name, second2(w.Store.Upload(ctx, by, cast.Garrigue, models.UploadAccounts, id)), notFound)
			want(t, "to do another's, by "+name, w.Store.ApplyUpload(ctx, by, cast.Garrigue, models.UploadAccounts, id), notFound)
			want(t, "to give another's up, by "+name, w.Store.CancelUpload(ctx, by, cast.Garrigue, models.UploadAccounts, id), notFound)
		}
		want(t, "one of another kind", second2(w.Store.Upload(ctx, w.Bruno, cast.Garrigue, models.UploadRedirections, id)), notFound)

		// The right goes between the word and the work: nothing is done.
		must(t, w.Store.ApplyUpload(ctx, w.Bruno, cast.Garrigue, models.UploadAccounts, id))
		grant := int64(w.Int(t, fmt.Sprintf("SELECT id FROM grants WHERE kind = 'service' AND grantee_id = %d", w.Bruno.Customer)))
		must(t, second(w.Store.Revoke(ctx, w.Alice, grant)))
		w.told(t, cast.Garrigue)
		must(t, w.Store.RunUpload(ctx, id))
		w.wantTold(t)
		if n := w.Int(t, fmt.Sprintf("SELECT count(*) FROM uploads WHERE id = %d AND state = 'failed' AND content = ''", id)); n != 1 {
			t.Error("it did not fail")
		}

		// Without the right to send mail out, a file does not either.
		w.share(t, w.Alice, cast.Garrigue, cast.Emma, 0, nil)
		w.Exec(t, fmt.Sprintf("UPDATE grants SET extras = 0 WHERE grantee_id = %d", w.Emma.Customer))
		u, lines := w.uploaded(t, w.Emma, models.UploadRedirections, w.upload(t, w.Emma, models.UploadRedirections, redirectionRows("a|x@elsewhere.example", "b|info@garrigue.example")))
		wantUpload(t, u, lines, models.UploadRefused, "2 refused a redirection.to.outside", "3 created b@garrigue.example")

		// By way of a redirection that others made either; what is so already asks for nothing.
		must(t, w.redirect(t, cast.Garrigue, "direction", "x@elsewhere.example"))
		u, lines = w.uploaded(t, w.Emma, models.UploadRedirections, w.upload(t, w.Emma, models.UploadRedirections, redirectionRows("a|direction@garrigue.example", "b|a@garrigue.example", "direction|x@elsewhere.example")))
		wantUpload(t, u, lines, models.UploadRefused, "2 refused a redirection.chain.outside", "3 refused b redirection.chain.outside", "4 unchanged direction@garrigue.example")

		must(t, w.Store.SuspendService(ctx, cast.Garrigue))
		want(t, "to a suspended service", second(create(w.Alice, models.UploadAccounts)), suspended)
	})
}

// second2 is the error of a call that answers two things besides.
func second2[A, B any](_ A, _ B, err error) error { return err }

// What nobody has seen is not done: it is shown instead.
func TestAFileDoesWhatWasShownOrNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		must(t, w.redirect(t, cast.Garrigue, "bonjour", "contact@garrigue.example"))
		id := w.upload(t, w.Bruno, models.UploadRedirections, redirectionRows("bonjour|contact@garrigue.example", "neu|info@garrigue.example"))
		r := w.redirection(t, cast.Garrigue, "bonjour")
		must(t, second(w.Store.ChangeRedirection(t.Context(), w.Alice, cast.Garrigue, r.ID, models.RedirectionSettings{Targets: "rh@garrigue.example", Version: 1})))
		w.told(t, cast.Garrigue)
		w.apply(t, w.Bruno, models.UploadRedirections, id)
		w.wantTold(t)
		u, lines := w.uploaded(t, w.Bruno, models.UploadRedirections, id)
		wantUpload(t, u, lines, models.UploadReady, "2 changed bonjour@garrigue.example", "3 created neu@garrigue.example")
		if !u.Moved {
			t.Error("it is not said that something changed")
		}
		w.apply(t, w.Bruno, models.UploadRedirections, id) // having seen it
		u, lines = w.uploaded(t, w.Bruno, models.UploadRedirections, id)
		wantUpload(t, u, lines, models.UploadDone, "2 changed bonjour@garrigue.example", "3 created neu@garrigue.example")
		if u.Moved {
			t.Error("it is said still that something changed")
		}
	})
}

// Chains are followed as far as they may go, however long those of a file are.
func TestAFileOfOneLongChain(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Exec(t, "UPDATE services SET max_redirections = 100000 WHERE domain = 'garrigue.example'")
		const length = 3000
		lines := make([]string, length)
		for i := range lines {
			lines[i] = fmt.Sprintf("n%d|n%d@garrigue.example", i, i+1)
		}
		lines[length-1] = fmt.Sprintf("n%d|contact@garrigue.example", length-1)
		u, _ := w.uploaded(t, w.Alice, models.UploadRedirections, w.upload(t, w.Alice, models.UploadRedirections, redirectionRows(lines...)))
		if u.Refused != length {
			t.Errorf("%d of a chain of %d are refused", u.Refused, length)
		}
	})
}

func TestUploadsAreGivenUpReplacedAndSwept(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		first := w.upload(t, w.Alice, models.UploadAccounts, accountRows("a"))
		other := w.upload(t, w.Alice, models.UploadRedirections, redirectionRows("b|info@garrigue.example"))
		brunos := w.upload(t, w.Bruno, models.UploadAccounts, accountRows("a"))
		next := w.upload(t, w.Alice, models.UploadAccounts, accountRows("c"))
		want(t, "the one before", second2(w.Store.Upload(ctx, w.Alice, cast.Garrigue, models.UploadAccounts, first)), notFound)
		for _, kept := range []struct {
			by models.Actor
			k  models.UploadKind
			id int64
		}{{w.Alice, models.UploadRedirections, other}, {w.Bruno, models.UploadAccounts, brunos}} {
			want(t, "one of somebody else, or of another kind", second2(w.Store.Upload(ctx, kept.by, cast.Garrigue, kept.k, kept.id)), done)
		}
		must(t, w.Store.ApplyUpload(ctx, w.Alice, cast.Garrigue, models.UploadAccounts, next))
		w.told(t, cast.Garrigue)
		must(t, w.Store.CancelUpload(ctx, w.Alice, cast.Garrigue, models.UploadAccounts, next)) // before its job begins
		must(t, w.Store.RunUpload(ctx, next))
		w.wantTold(t)

		// A job that was lost with its process is taken up again.
		lost := got[int64](t)(w.Store.CreateUpload(ctx, w.Alice, cast.Garrigue, models.UploadAccounts, accountRows("d")))
		jobs := "SELECT count(*) FROM river_job WHERE kind = 'run_upload'"
		was := w.Int(t, jobs)
		must(t, w.Store.Sweep(ctx))
		if n := w.Int(t, jobs); n != was {
			t.Error("one that has only begun is begun again")
		}
		w.Clock.Move(3 * time.Minute)
		must(t, w.Store.Sweep(ctx))
		must(t, w.Store.Sweep(ctx))
		if n := w.Int(t, jobs); n != was+1 {
			t.Errorf("%d jobs more for one that was lost", n-was)
		}
		w.Clock.Move(25 * time.Hour)
		must(t, w.Store.Sweep(ctx))
		if n := w.Int(t, "SELECT count(*) FROM uploads"); n != 0 {
			t.Errorf("%d uploads after a day, %d among them", n, lost)
		}
		if n := w.Int(t, "SELECT count(*) FROM upload_lines"); n != 0 {
			t.Errorf("%d lines of uploads that are gone", n)
		}
	})
}

func TestTheWorkerChecksAndDoesAFile(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- w.Store.Work(ctx) }()
		id := got[int64](t)(w.Store.CreateUpload(ctx, w.Alice, cast.Garrigue, models.UploadAccounts, accountRows("a", "b")))
		w.eventually(t, "it is checked", "SELECT count(*) FROM uploads WHERE state = 'ready'", 1)
		must(t, w.Store.ApplyUpload(ctx, w.Alice, cast.Garrigue, models.UploadAccounts, id))
		w.eventually(t, "it is done", "SELECT count(*) FROM uploads WHERE state = 'done'", 1)
		if n := w.Int(t, "SELECT count(*) FROM accounts WHERE address IN ('a@garrigue.example', 'b@garrigue.example')"); n != 2 {
			t.Errorf("%d accounts", n)
		}
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the worker ended with %v", err)
		}
	})
}

// The same file by two workers, and many files at a limit, in two processes.
func TestAFileIsDoneOnce(t *testing.T) {
	t.Parallel()
	w, other := twice(t)
	ctx := t.Context()
	a := w.service(t, w.Alice, cast.Garrigue)
	const files = 6
	w.Exec(t, fmt.Sprintf("UPDATE services SET max_accounts = %d, max_bytes = 1000000000000000 WHERE domain = 'garrigue.example'", a.Service.AccountCount-1+20))
	var ids [files]int64
	for i := range files {
		by := []models.Actor{w.Alice, w.Bruno}[i%2]
		rows := accountRows(fmt.Sprintf("f%d-1||0.1", i), fmt.Sprintf("f%d-2||0.1", i), fmt.Sprintf("f%d-3||0.1", i), fmt.Sprintf("f%d-4||0.1", i), fmt.Sprintf("f%d-5||0.1", i))
		ids[i] = w.upload(t, by, models.UploadAccounts, rows)
		must(t, w.Store.ApplyUpload(ctx, by, cast.Garrigue, models.UploadAccounts, ids[i]))
	}
	outcomes := together(2*files, func(i int) string {
		store := w.Store
		if i >= files {
			store = other
		}
		return outcome(store.RunUpload(ctx, ids[i%files]))
	})
	if outcomes[done] != 2*files {
		t.Errorf("%v", outcomes)
	}
	if n, m := w.Int(t, "SELECT count(*) FROM uploads WHERE state = 'done'"), w.Int(t, "SELECT count(*) FROM accounts WHERE local_part LIKE 'f_-_'"); n != 4 || m != 20 {
		t.Errorf("%d files are done, with %d accounts", n, m)
	}
	if n := w.Int(t, "SELECT count(*) FROM events WHERE kind = 'account.created' AND object LIKE 'f_-_@%'"); n != 20 {
		t.Errorf("%d events", n)
	}
	w.Holds(t)
}

// A file as large as may be: what it takes is told, not judged.
func BenchmarkUpload(b *testing.B) {
	for name, open := range map[string]func(testing.TB) *modelstest.World{"postgres": modelstest.OnPostgres, "sqlite": modelstest.OnSQLite} {
		b.Run(name, func(b *testing.B) {
			for range b.N {
				b.StopTimer()
				w := newWorld(b, open(b))
				w.Exec(b, "UPDATE services SET max_accounts = 1000000, max_redirections = 1000000, max_bytes = 1000000000000000000 WHERE domain = 'garrigue.example'")
				accounts, redirections := make([]string, models.MaxUploadLines), make([]string, models.MaxUploadLines)
				for i := range models.MaxUploadLines {
					accounts[i] = fmt.Sprintf("person%d|Description of number %d|1", i, i)
					redirections[i] = fmt.Sprintf("person%d|person%d@elsewhere.example postmaster@garrigue.example", i, i)
				}
				b.StartTimer()
				for _, f := range []struct {
					k    models.UploadKind
					rows []models.UploadRow
				}{{models.UploadAccounts, accountRows(accounts...)}, {models.UploadRedirections, redirectionRows(redirections...)}} {
					began := time.Now()
					id := w.upload(b, w.Alice, f.k, f.rows)
					checked := time.Since(began)
					w.apply(b, w.Alice, f.k, id)
					b.ReportMetric(checked.Seconds(), "check-"+string(f.k)+"-s")
					b.ReportMetric((time.Since(began) - checked).Seconds(), "apply-"+string(f.k)+"-s")
					if u, lines := w.uploaded(b, w.Alice, f.k, id); u.State != models.UploadDone {
						b.Fatal(u, lines)
					}
				}
			}
		})
	}
}
